"""Numbers an agent's steps, saves each before the next, and plays the saved ones back after a crash.

The steps of a job form *runs*: one, unless what the agent was asked has changed and it starts over. A run
is played back only while every step is asked for as it was when it was saved, which a chain of fingerprints
tells; the steps of abandoned runs stay in the journal and count towards the limits.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.clock import Clock
from engine.errors import PermanentFailure
from engine.executors.agent.journal import Journal
from engine.executors.agent.limits import LimitReached, Limits, Meter
from engine.model import AgentStep

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a step yielded: *response* as plain JSON values, *cost* in US dollars (None: unknown)."""

    name: str
    response: Any
    input_tokens: int = 0
    output_tokens: int = 0
    cost: str | None = None


Perform = Callable[[int], Awaitable[Result]]


class RunChanged(Exception):
    """The next step differs from the saved one. *parts*: what of the agent's task has changed, if known."""

    def __init__(self, sequence: int, parts: tuple[str, ...]) -> None:
        super().__init__(f"step {sequence} differs")
        self.sequence = sequence
        self.parts = parts


class Recorder:
    """*timer* measures durations, in seconds."""

    def __init__(
        self,
        job_id: str,
        journal: Journal,
        limits: Limits,
        *,
        clock: Clock,
        is_offline: bool,
        timer: Callable[[], float],
    ) -> None:
        self._job_id = job_id
        self._journal = journal
        self._limits = limits
        self._clock = clock
        self.is_offline = is_offline
        self._timer = timer
        self._saved = list(journal.steps())
        self._run = max((step.request["run"] for step in self._saved), default=1)
        self._started = timer()
        self._began_at = clock.now()
        self._time_before = sum(step.duration_ms for step in self._saved) / 1000
        self._replaced = {step.request.get("replaces") for step in self._saved}
        self.is_live = False
        self.rewind()

    def rewind(self) -> None:
        """Plays the present run back from its first step."""
        self._fingerprint = ""
        self._replaces: int | None = None
        self._sequence_of_call: dict[str, int] = {}
        self._playback = [s for s in self._saved if s.request["run"] == self._run and s.sequence not in self._replaced]
        self._position = 0
        self.meter = Meter(self._limits)
        for step in self._saved:
            if step.request["run"] != self._run or step.sequence in self._replaced:
                self.meter.count(step)

    def start_over(self) -> None:
        """Begins a new run: nothing is played back, all that was spent still counts."""
        self._run += 1
        self.rewind()

    def replace_last(self) -> None:
        """Plays back all but the last step, which is asked for once more under a new number."""
        last = self._playback[-1].sequence
        self._replaced.add(last)
        self.rewind()
        self._replaces = last

    def tools_asked_for(self) -> list[str]:
        """The tools that the saved answers of this run called, whether their results were saved or not."""
        offered = set(self._playback[0].request.get("tools", ())) if self._playback else set[str]()
        called = [call for step in self._playback if step.kind == "model" for call in _tool_calls(step)]
        return [name for name in called if name in offered]

    @property
    def asked_at(self) -> datetime:
        """When this run began: the time at which its inputs are evaluated, on every attempt."""
        if self._playback:
            return datetime.fromisoformat(self._playback[0].request["asked_at"])
        return self._began_at

    @property
    def steps_saved(self) -> int:
        return len(self._saved)

    def remaining_seconds(self) -> float | None:
        """Raises LimitReached when no time is left; None without a limit."""
        if self._limits.seconds is None:
            return None
        used = self._time_before + self._timer() - self._started
        if used >= self._limits.seconds:
            raise self.out_of_time()
        return self._limits.seconds - used

    def out_of_time(self) -> LimitReached:
        used = self._time_before + self._timer() - self._started
        return LimitReached("seconds", f"{used:.1f} s", f"{self._limits.seconds} s")

    def sequence_of_call(self, call_id: str) -> int | None:
        """The step that holds the result of a tool call."""
        return self._sequence_of_call.get(call_id)

    async def model_step(
        self, identity: Any, request: Mapping[str, Any], perform: Perform, head: Mapping[str, Any] | None
    ) -> AgentStep:
        """One exchange with the model. *head*: in a run's first step, the parts of the task by name."""
        self.meter.before("model")
        digests = {name: _digest("", part) for name, part in head.items()} if head else {}
        fields = {**request, "fingerprints": digests} if head else request
        step = await self._step("model", [identity, digests], fields, perform)
        self.meter.after()
        return step

    async def tool_step(self, tool: str, call_id: str, arguments: Any, key: str, perform: Perform) -> AgentStep:
        """One call of a tool. *key*: the beginning of its idempotency key, which its number completes."""
        self.meter.before("tool")
        request = {"tool": tool, "call_id": call_id, "arguments": arguments}
        step = await self._step("tool", request, {**request, "key": f"{key}:{self._next}"}, perform)
        self._sequence_of_call[call_id] = step.sequence
        return step

    @property
    def _next(self) -> int:
        if self._position < len(self._playback):
            return self._playback[self._position].sequence
        return self._saved[-1].sequence + 1 if self._saved else 1

    async def _step(self, kind: str, identity: Any, request: Mapping[str, Any], perform: Perform) -> AgentStep:
        """The saved step, or else a new one, performed and saved. Raises RunChanged, LimitReached."""
        self._fingerprint = _digest(self._fingerprint, [kind, identity])
        if self._position < len(self._playback):
            step = self._played_back(kind, request)
        else:
            step = await self._performed(kind, request, perform)
        self.meter.count(step)
        return step

    def _played_back(self, kind: str, request: Mapping[str, Any]) -> AgentStep:
        step = self._playback[self._position]
        if step.kind != kind or step.request["fingerprint"] != self._fingerprint:
            was, now = step.request.get("fingerprints", {}), request.get("fingerprints", {})
            raise RunChanged(step.sequence, tuple(name for name in now if was.get(name) != now[name]))
        self._position += 1
        return step

    async def _performed(self, kind: str, request: Mapping[str, Any], perform: Perform) -> AgentStep:
        self.remaining_seconds()
        sequence = self._next
        self.is_live = True
        started = self._timer()
        result = await perform(sequence)
        note = {"replaces": self._replaces} if self._replaces else {}
        step = AgentStep(
            job_id=self._job_id,
            sequence=sequence,
            at=self._clock.now(),
            kind=kind,
            name=result.name,
            request={"run": self._run, "fingerprint": self._fingerprint, **note, **request},
            response=result.response,
            duration_ms=round((self._timer() - started) * 1000),
            input_tokens=result.input_tokens,
            output_tokens=result.output_tokens,
            cost=result.cost,
            is_offline=self.is_offline,
        )
        self._journal.save(step)
        log.info("agent step saved: job=%s sequence=%d kind=%s name=%s", self._job_id, sequence, kind, result.name)
        self._replaces = None
        self._saved.append(step)
        self._playback.append(step)
        self._position += 1
        return step


def refuse_change(job_type: str, changed: RunChanged, tools: list[str]) -> PermanentFailure:
    """The incident for a task that has changed after its agent had called tools."""
    what = " and ".join(changed.parts) or "the course of the work"
    return PermanentFailure(
        f"Agent '{job_type}' cannot go on: {what} changed since step {changed.sequence} was saved, and it had called "
        f"{', '.join(dict.fromkeys(tools))} by then, which starting over could do twice. Put back what was changed, or "
        f'set on_change = "restart" in [agents."{job_type}"], and retry the incident.'
    )


def _tool_calls(step: AgentStep) -> list[str]:
    parts = step.response["message"]["parts"]
    return [part["tool_name"] for part in parts if part["part_kind"] == "tool-call"]


def _digest(before: str, value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(f"{before}\n{text}".encode()).hexdigest()[:32]
