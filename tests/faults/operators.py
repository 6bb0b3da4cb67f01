"""An operator with an engine of its own, as one at a command line has: moves tokens, and has instances go on by the
newest version. What is asked for is on record before, each with a reason of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from load import NEWEST, OLDEST, fate_of, note, number_of

from engine import Engine
from engine.errors import Conflict, DatabaseAway, InvalidInput, NotFound
from engine.modification import Move
from engine.store.faults import OutcomeUnknown, TooSlow
from engine.store.transaction import DatabaseError


def steer(engine: Engine, stop: threading.Event) -> None:
    """Until told to stop. Who was killed, or not told what came of it, begins again with whatever still runs."""
    known: set[str] = set()
    while not stop.wait(0.1):
        try:
            visits = engine.read.instances(key="visits", state="running", limit=100)
        except DatabaseError:
            continue
        for visit in visits:
            fate = fate_of(number_of(visit.business_key))
            if visit.id in known or stop.is_set():
                continue
            if "modify" in fate:
                done = _ask("modify", visit.business_key, lambda reason, to=visit.id: _modify(engine, to, reason))
            elif "migrate" in fate and visit.definition_id == OLDEST:
                done = _ask("migrate", visit.business_key, lambda reason, to=visit.id: _migrate(engine, to, reason))
            else:
                continue
            known |= {visit.id} if done else set()


def _modify(engine: Engine, instance_id: str, reason: str) -> None:
    engine.modify(instance_id, Move("Bell", "Open"), reason=reason, by="operator")


def _migrate(engine: Engine, instance_id: str, reason: str) -> None:
    key, target = NEWEST.split(":")
    plan = engine.migration_plan(key, source=1, target=int(target), mapping={"Chime": "Bell"})
    engine.migrate(instance_id, plan, reason=reason, by="operator")


def _ask(what: str, of: str | None, do: Callable[[str], None]) -> bool:
    """Whether it is known what came of it."""
    note(request=what, of=of, result="sent")
    result = "done"
    try:
        do(f"{what} {of}")
    except (Conflict, NotFound, InvalidInput):
        result = "refused"
    except (DatabaseAway, TooSlow):
        result = "not done"
    except OutcomeUnknown:
        result = "unknown"
    note(request=what, of=of, result=result, again=False)
    return result in ("done", "refused")
