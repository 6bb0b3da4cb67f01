"""Who does the jobs of which type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import orjson

from engine.executors.python import PythonExecutor
from engine.handlers import Backoff, Handler, check_retries
from engine.model import AgentStep, Job

DEFAULT_RETRIES = 3
EVERYTHING = "*"
TOPIC = "topic"
"""How a diagram writes the name of a job that is meant for workers elsewhere (an external task of Camunda 7)."""
_MEANT_FOR_WORKERS = (TOPIC, "taskDefinition")


class Journal(Protocol):
    """Where an executor of several steps saves each before the next (engine.history.journal)."""

    def steps(self) -> Sequence[AgentStep]: ...
    def save(self, step: AgentStep) -> None: ...


class Executor(Protocol):
    """Does a job: returns its output. May raise BpmnError, RetryLater, PermanentFailure; anything else is a retry."""

    def __call__(self, job: Job, journal: Journal, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Binding:
    """*retries*: attempts in all where the diagram does not say. *gets_secrets*: the values of the secrets that the
    diagram names for it, not only their names. *save_point*: the state is saved before it is run."""

    executor: Executor
    retries: int = DEFAULT_RETRIES
    backoff: Backoff | None = None
    gets_secrets: bool = True
    save_point: bool = True


Resolver = Callable[[str], Executor | Binding | None]
"""Finds an executor for a job type or other name that a diagram uses; None when it knows none."""


class Registry:
    """*save_points*: whether the state is saved before each Python handler that does not say.
    *may_run_on*: there is one for which it is not."""

    def __init__(self, resolver: Resolver | None = None, *, save_points: bool = True) -> None:
        self.may_run_on = False
        self._save_points = save_points
        self._bindings: dict[str, Binding] = {}
        self._external: set[str] = set()
        self._asked: set[str] = set()
        self._leaves_topics = False
        self._resolver = resolver

    def add_handler(
        self,
        name: str,
        function: Handler,
        *,
        retries: int = DEFAULT_RETRIES,
        backoff: Backoff | None = None,
        timeout: timedelta | None = None,
        gets_secrets: bool = True,
        save_point: bool | None = None,
    ) -> None:
        """Replaces what was registered under *name*. *save_point*: None for what this registry's owner wants."""
        check_retries(retries)
        saves = self._save_points if save_point is None else save_point
        self._bindings[name] = Binding(PythonExecutor(function, timeout), retries, backoff, gets_secrets, saves)
        self.may_run_on = self.may_run_on or not saves

    def add_executor(self, name: str, executor: Executor, *, retries: int = DEFAULT_RETRIES) -> None:
        check_retries(retries)
        self._bindings[name] = _binding(executor, retries)

    def add_external(self, name: str) -> None:
        """The jobs of type *name* are for workers elsewhere, whoever is registered here; `*`: all jobs of topics and
        job types that nobody here does."""
        self._external.add(name)

    def leave_topics(self) -> None:
        """Workers elsewhere can reach us: the jobs of topics that nobody here does wait for them."""
        self._leaves_topics = True

    def add_asked(self, name: str) -> None:
        """A worker elsewhere asks for jobs of type *name*: it gets them, unless they are done here."""
        self._asked.add(name)

    def is_asked(self, name: str) -> bool:
        return name in self._asked

    @property
    def own_types(self) -> list[str]:
        """Those that are done here, though workers elsewhere might."""
        return [name for name in self._bindings if name not in self._external]

    def leaves(self, job_type: str, names: str, written_as: str) -> bool:
        """Whether a job is for workers elsewhere. *names*: all that it goes by, a JSON list; *written_as*: how the
        diagram names it."""
        if job_type in self._external:
            return True
        if job_type in self._bindings:
            return False
        is_meant = (
            job_type in self._asked
            or (self._leaves_topics and written_as == TOPIC)
            or (EVERYTHING in self._external and written_as in _MEANT_FOR_WORKERS)
        )
        return is_meant and self.find(orjson.loads(names)) is None

    def runs_on(self, names: Sequence[str]) -> bool:
        """Whether a job that goes by *names* needs no save point of its own."""
        binding = next((self._bindings[name] for name in names if name in self._bindings), None)
        return binding is not None and not binding.save_point

    @property
    def names(self) -> list[str]:
        return sorted(self._bindings)

    def find(self, names: Sequence[str]) -> Binding | None:
        """What does a job that goes by *names*: the first that is registered, else the resolver's first."""
        for name in names:
            if (binding := self._bindings.get(name)) is not None:
                return binding
        for name in names:
            found = self._resolver(name) if self._resolver is not None else None
            if found is not None:
                return found if isinstance(found, Binding) else _binding(found)
        return None


def _binding(executor: Executor, retries: int = DEFAULT_RETRIES) -> Binding:
    """An executor that keeps or passes on what it is given says so: `gets_secrets = False`."""
    return Binding(executor, retries, gets_secrets=getattr(executor, "gets_secrets", True))
