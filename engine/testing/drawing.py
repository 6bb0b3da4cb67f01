"""Draws a diagram as SVG from its diagram interchange, what was taken in colour."""

from __future__ import annotations

from collections.abc import Collection

from bpmn.picture import SUBPROCESSES, picture

_FLOW_NODES = ("Event", "Gateway", "task", "Task", "callActivity")


def draw(data: bytes, file: str, taken: Collection[str]) -> str:
    """A standalone SVG document. A file without diagram interchange gives one that says so."""

    def state(element_id: str, kind: str) -> str:
        """Only flow nodes and sequence flows are taken or missed; a lane or an annotation is neither."""
        is_counted = kind == "sequenceFlow" or kind in SUBPROCESSES or kind.endswith(_FLOW_NODES)
        return "" if not is_counted else "taken" if element_id in taken else "missed"

    return picture(data, file, title=file, style=_STYLE, classes=state)


_STYLE = (
    "svg{--paper:#fff;--fill:#fff;--ink:#24292f}"  # the page around it is light
    ".taken>.node:not(.bare),.taken>.ring{fill:#dff3e6}.taken>.node,.taken>.ring,.taken>.line{stroke:#1a7f4e}"
    ".taken>.line{stroke-width:2.5}"
    ".missed>.node:not(.bare),.missed>.ring{fill:#fdeceb}.missed>.node,.missed>.ring,.missed>.line{stroke:#b3362b}"
    ".missed>.node,.missed>.line{stroke-dasharray:6 3}"
)
