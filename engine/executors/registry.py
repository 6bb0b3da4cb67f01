"""Who does the jobs of which type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from engine.executors.python import PythonExecutor
from engine.handlers import Backoff, Handler, check_retries
from engine.model import AgentStep, Job

DEFAULT_RETRIES = 3


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
        self._external.add(name)

    @property
    def external(self) -> frozenset[str]:
        """Types that no worker here may take."""
        return frozenset(self._external)

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
