"""Stand-ins for handlers, by the name the diagram writes, and what they were asked to do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.errors import BpmnError
from engine.testing.format import Behaviour, Stub

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.model import Job

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_WRAPPED = re.compile(r"[$#]\{\s*(.+?)\s*\}")
LISTENER_EVENT = "listener.event"  # the header in which a listener's job names its event


class StubFailure(Exception):
    """What a stub with `fail` raises: an ordinary failure of a handler."""


class Stubs:
    """The stubs of one scenario. *calls*: how often each was called; *order*: what they logged."""

    def __init__(self, stubs: Mapping[str, Stub]) -> None:
        self.calls: Counter[str] = Counter()
        self.order: list[str] = []
        self._stubs = dict(stubs)
        self._used: Counter[str] = Counter()

    @property
    def names(self) -> frozenset[str]:
        """Every name under which a stub was registered."""
        return frozenset(alias for name in self._stubs for alias in _aliases(name))

    def register(self, engine: Engine) -> None:
        """Makes every stub the handler of its name."""
        for name in self._stubs:
            for alias in _aliases(name):
                engine.registry.add_handler(alias, partial(self._call, name), backoff=_at_once, gets_secrets=False)

    def put(self, name: str, stub: Stub) -> None:
        """From here on calls of *name* go to *stub*, from its first behaviour on; a new name wants registering."""
        self._stubs[name] = stub
        self._used[name] = 0

    def _call(self, name: str, job: Job) -> Any:
        stub = self._stubs[name]
        behaviour = stub[min(self._used[name], len(stub) - 1)]
        self._used[name] += 1
        self.calls[name] += 1
        self.order.append(name if behaviour.log is None else _fill(behaviour.log, name, job))
        if behaviour.fail is not None:
            raise StubFailure(behaviour.fail)
        if behaviour.error is not None:
            raise BpmnError(*behaviour.error)
        return _result(behaviour, job)


def _at_once(attempt: int) -> timedelta:
    """No delay before a retry, unless the diagram asks for one: time stands still in a scenario."""
    return timedelta(0)


def _aliases(name: str) -> tuple[str, ...]:
    """A bean may be named as the diagram writes it, ${bean}, or plainly."""
    wrapped = _WRAPPED.fullmatch(name)
    return (name, wrapped[1]) if wrapped else (name,)


def _fill(template: str, name: str, job: Job) -> str:
    known = {"activity": job.element_id, "event": job.headers.get(LISTENER_EVENT, ""), "stub": name}

    def value(placeholder: re.Match[str]) -> str:
        key = placeholder[1]
        return str(known[key] if key in known else job.variables.get(key, ""))

    return _PLACEHOLDER.sub(value, template)


def _result(behaviour: Behaviour, job: Job) -> Any:
    counted: dict[str, Any] = {}
    if behaviour.increment is not None:
        counted[behaviour.increment] = (job.variables.get(behaviour.increment) or 0) + 1
    if behaviour.increment_field is not None:
        variable = _field(job, behaviour.increment_field)
        counted[variable] = (job.variables.get(variable) or 0) + 1
    if not counted:
        return behaviour.returns
    return {**(behaviour.returns or {}), **counted}


def _field(job: Job, name: str) -> str:
    value = job.parameters.get(name, job.headers.get(name))
    if value is None:
        raise StubFailure(f"The element '{job.element_id}' injects no field '{name}', which the stub increments.")
    return str(value)
