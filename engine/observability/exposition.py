"""What a scrape of /metrics is answered with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, multiprocess
from prometheus_client.exposition import choose_encoder

from engine.observability.metrics import is_shared, metrics
from engine.observability.state import EngineState

if TYPE_CHECKING:
    from engine.engine import Engine


class Exposition:
    """The numbers of this process and the state of *engine*. Counting starts here, if it has not."""

    def __init__(self, engine: Engine) -> None:
        self._metrics = metrics()
        self._state = CollectorRegistry(auto_describe=False)
        self._state.register(EngineState(engine))

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The text and its content type, in the format that *accept* (the header) asks for."""
        encode, content_type = choose_encoder(accept)
        parts = [encode(self._counted()), encode(self._state)]
        end = b"# EOF\n"  # of OpenMetrics, once
        if all(part.endswith(end) for part in parts):
            parts[0] = parts[0].removesuffix(end)
        return b"".join(parts), content_type

    def _counted(self) -> CollectorRegistry:
        """Where processes share a folder, what all of them have counted."""
        if not is_shared():
            return self._metrics.registry
        together = CollectorRegistry()
        multiprocess.MultiProcessCollector(together)
        return together
