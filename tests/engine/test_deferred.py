from datetime import UTC, datetime

import pytest

from engine.commands import Command, CompleteActivity, Continue, ThrowError, ThrowEscalation, TriggerEvent
from engine.deferred import command_fields, restored

AT = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "command",
    [
        CompleteActivity(at=AT, actor="ann", activity_id=3, variables={"a": 1}),
        Continue(at=AT, actor="worker:w", activity_id=3),
        ThrowError(at=AT, actor="ann", activity_id=3, code="E", message="no"),
        ThrowEscalation(at=AT, actor="instance:i", activity_id=3, code="E", variables={"a": 1}),
        TriggerEvent(at=AT, actor="timer", activity_id=3, variables={"a": 1}),
    ],
)
def test_what_reaches_a_suspended_instance_is_the_same_when_it_goes_on(command: Command):
    kept = command_fields(command) | {"command": type(command).__name__}
    assert restored(kept, AT) == command
