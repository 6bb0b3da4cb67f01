"""Where time goes, by the innermost frame that says whose work it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from tests.benchmarks.markdown import table
from tests.benchmarks.measure import sampled

INTERPRETER, CODEC, STATEMENTS, MAKING, COMMIT, REST = (
    "interpreter",
    "serialisation",
    "statements running",
    "statements being made",
    "commit",
    "the rest of the engine",
)
SPLIT = (INTERPRETER, CODEC, MAKING, STATEMENTS, COMMIT, REST)

_DRIVERS = ("do_execute", "do_executemany", "do_execute_no_params")
# The first that fits, from the innermost frame outwards, by the path of the frame's file.
_PATHS = [
    (CODEC, ("engine/store/codec.py", "engine/store/values.py")),
    (STATEMENTS, ("/psycopg/", "/psycopg_binary/")),
    (MAKING, ("engine/store/", "/sqlalchemy/")),
    (INTERPRETER, ("engine/interpreter/", "engine/evaluation.py", "engine/sandbox/", "bpmn/", "/SpiffWorkflow/")),
]


def shares_of(run: Callable[[], Any]) -> dict[str, float]:
    """Of the wall time of *run* in this thread, by place (SPLIT)."""
    with sampled(place_of) as seconds:
        run()
    total = sum(seconds.values())
    return {place: spent / total for place, spent in seconds.items()}


def shares_table(shares: Mapping[str, Mapping[str, float]]) -> str:
    rows = [[name, *(f"{each.get(place, 0):.0%}" for place in SPLIT)] for name, each in shares.items()]
    return table(["", *SPLIT], rows)


def place_of(frame: FrameType) -> str:
    found = REST
    current: FrameType | None = frame
    while current is not None:
        code = current.f_code
        if code.co_name in ("do_commit", "do_rollback") and "/sqlalchemy/" in code.co_filename:
            return COMMIT
        if code.co_name in _DRIVERS and "/sqlalchemy/" in code.co_filename:
            return STATEMENTS
        if current is frame and code.co_name == "_run" and code.co_filename.endswith("engine/store/bulk.py"):
            return STATEMENTS
        if found is REST:
            found = next((place for place, parts in _PATHS if any(part in code.co_filename for part in parts)), REST)
        current = current.f_back
    return found
