"""Who does the jobs of which type."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from inspect import iscoroutinefunction
from typing import Any, Protocol, TypeVar

import orjson

from engine.executors.python import PythonExecutor
from engine.handlers import Backoff, Handler, Rate, check_options, check_retries, read_rate
from engine.model import AgentStep, Job

DEFAULT_RETRIES = 3
COROUTINES_AT_ONCE = 100
"""Of one handler, where it does not say."""
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
    diagram names for it, not only their names. *save_point*: the state is saved before it is run.
    *max_concurrent*: jobs at once in this process; *rate*: how often one may begin here. *is_threaded*: it needs a
    thread of the pool while it runs. *is_exclusive*: its jobs run beside no other exclusive one of their instance.
    *said_concurrent*: as *max_concurrent*, where somebody said it."""

    executor: Executor
    retries: int = DEFAULT_RETRIES
    backoff: Backoff | None = None
    gets_secrets: bool = True
    save_point: bool = True
    max_concurrent: int | None = None
    rate: Rate | None = None
    is_threaded: bool = True
    is_exclusive: bool = False
    said_concurrent: int | None = None

    @property
    def limits_fleet(self) -> bool:
        """Whether its limits are for others, too, who do its jobs: not how much this process can do at once."""
        return self.said_concurrent is not None or self.rate is not None

    @property
    def is_limited(self) -> bool:
        return self.max_concurrent is not None or self.rate is not None


Shared = TypeVar("Shared")
Resolver = Callable[[str], Executor | Binding | None]
"""Finds an executor for a job type or other name that a diagram uses; None when it knows none."""


class Registry:
    """*save_points*: whether the state is saved before each Python handler that does not say.
    *may_run_on*: there is one for which it is not. *limited*: handlers with limits, by name. *is_relayed*: the jobs of
    handlers are done by a fleet of others (engine.executors.celery), and not taken here."""

    def __init__(self, resolver: Resolver | None = None, *, save_points: bool = True) -> None:
        self.may_run_on = False
        self._save_points = save_points
        self._bindings: dict[str, Binding] = {}
        self._external: set[str] = set()
        self._asked: set[str] = set()
        self._exclusive_types: set[str] = set()
        self._exclusive: frozenset[str] = frozenset()
        self._leaves_topics = False
        self._resolver = resolver
        self._elsewhere: list[Any] = []
        self.limited: Mapping[str, Binding] = {}
        self.is_relayed = False

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
        process: bool = False,
        max_concurrent: int | None = None,
        rate: str | None = None,
        exclusive: bool = False,
    ) -> None:
        """Replaces what was registered under *name*. *save_point*: None for what this registry's owner wants.

        Raises ValueError for options that make no sense, alone or together."""
        check_options(retries, backoff, timeout, max_concurrent, rate)
        executor: Executor
        is_threaded, said = False, max_concurrent
        if iscoroutinefunction(function):
            if process:
                raise ValueError(f"The handler of '{name}' is a coroutine: it cannot run in a process of its own.")
            executor = self._coroutine(function, timeout)
            max_concurrent = max_concurrent or COROUTINES_AT_ONCE
        elif process:
            executor = self._process(function, timeout)
            max_concurrent = max_concurrent or os.cpu_count() or 1
        else:
            executor, is_threaded = PythonExecutor(function, timeout), True
        is_limited = max_concurrent is not None or rate is not None
        if save_point is False and is_limited:
            raise ValueError(
                f"The handler of '{name}' cannot run on without a save point: it has limits, is a coroutine, or runs "
                "in a process. Leave out save_point=False."
            )
        saves = is_limited or (self._save_points if save_point is None else save_point)
        read = read_rate(rate) if rate is not None else None
        how = (retries, backoff, gets_secrets, saves, max_concurrent, read, is_threaded, exclusive)
        binding = Binding(executor, *how, said_concurrent=said)
        self._bind(name, binding)
        self.may_run_on = (self.may_run_on or not saves) and not self.is_relayed

    def add_executor(self, name: str, executor: Executor, *, retries: int = DEFAULT_RETRIES) -> None:
        check_retries(retries)
        self._bind(name, _binding(executor, retries))

    def _bind(self, name: str, binding: Binding) -> None:
        self._bindings[name] = binding
        self._set_limited()
        self._set_exclusive()

    def _set_limited(self) -> None:
        self.limited = {
            name: each for name, each in self._bindings.items() if each.is_limited and name not in self._external
        }

    def relay(self) -> None:
        """From now on a fleet of others does the jobs of handlers."""
        self.is_relayed, self.may_run_on = True, False

    def limited_name(self, names: Sequence[str]) -> str | None:
        """Under which of *names* a handler with limits does the job, if one does."""
        name = next((name for name in names if name in self._bindings), None)
        return name if name in self.limited else None

    def close(self) -> None:
        """Ends what runs handlers: the event loop and the processes."""
        for each in self._elsewhere:
            each.stop()

    def _coroutine(self, function: Handler, timeout: timedelta | None) -> Executor:
        from engine.executors.asynchronous import AsyncExecutor, Loop

        return AsyncExecutor(function, timeout, self._shared(Loop))

    def _process(self, function: Handler, timeout: timedelta | None) -> Executor:
        from engine.executors.processes import Processes, ProcessExecutor

        return ProcessExecutor(function, timeout, self._shared(Processes))

    def _shared(self, kind: type[Shared]) -> Shared:
        """The one event loop, or the one pool of processes."""
        for each in self._elsewhere:
            if isinstance(each, kind):
                return each
        self._elsewhere.append(made := kind())
        return made

    def add_external(self, name: str) -> None:
        """The jobs of type *name* are for workers elsewhere, whoever is registered here; `*`: all jobs of topics and
        job types that nobody here does."""
        self._external.add(name)
        self._set_limited()

    def add_exclusive(self, name: str) -> None:
        """The jobs of type *name* are exclusive, whoever does them."""
        self._exclusive_types.add(name)
        self._set_exclusive()

    def is_exclusive(self, names: Sequence[str]) -> bool:
        """Whether a job that goes by *names* is, whatever its diagram says."""
        return bool(self._exclusive) and not self._exclusive.isdisjoint(names)

    def _set_exclusive(self) -> None:
        self._exclusive = frozenset(
            {*self._exclusive_types, *(name for name, each in self._bindings.items() if each.is_exclusive)}
        )

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
        if self.is_relayed:
            return False
        for name in names:
            if (binding := self._bindings.get(name)) is not None:
                return not binding.save_point
        return False

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
