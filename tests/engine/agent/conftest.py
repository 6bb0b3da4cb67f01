from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.clock import VirtualClock
from engine.executors.agent import AgentExecutor, AgentSettings, MemoryJournal
from engine.model import AgentStep, Job

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

ANSWER = {
    "type": "object",
    "properties": {"verdict": {"type": "string", "enum": ["yes", "no"]}, "score": {"type": "integer"}},
    "required": ["verdict"],
    "additionalProperties": False,
}


class CrashingJournal(MemoryJournal):
    """Saves *lasts* more steps; the process dies when the next is about to be saved, or just was."""

    class Crash(BaseException):
        """Stands for the end of the whole process."""

    def __init__(self, steps: Iterable[AgentStep], *, lasts: int, saves_the_last: bool) -> None:
        super().__init__(steps)
        self._lasts = lasts
        self._saves_the_last = saves_the_last

    def save(self, step: AgentStep) -> None:
        if self._lasts > 0:
            super().save(step)
            self._lasts -= 1
            return
        if self._saves_the_last:
            super().save(step)
        raise self.Crash


@dataclass
class Script:
    """A scripted model that answers a list in order, by the number of the turn, and keeps what it was shown."""

    answers: list[Any]
    turns: list[Any] = field(default_factory=list)
    __name__ = "script"

    def __call__(self, turn: Any) -> Any:
        self.turns.append(turn)
        return self.answers[turn.number]


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "FERMATA_OFFLINE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def job() -> Job:
    return Job(
        id="instance-1.4",
        type="assess",
        instance_id="instance-1",
        activity_id=4,
        element_id="Assess",
        process_key="onboarding",
        business_key="A-17",
        variables={"cv": "ten years of ships", "salary": 4200, "secret": "do not tell"},
    )


@pytest.fixture
def declare() -> Callable[..., AgentSettings]:
    def declare(answers: list[Any] | None = None, **changes: Any) -> AgentSettings:
        fields: dict[str, Any] = {
            "job_type": "assess",
            "model": "offline",
            "instructions": "Judge the candidate.",
            "inputs": ["cv"],
            "output": ANSWER,
            "offline": Script(answers or [{"verdict": "yes"}]),
        }
        return AgentSettings(**{**fields, **changes})

    return declare


@pytest.fixture
def run(job: Job) -> Callable[..., dict[str, Any]]:
    def run(settings: AgentSettings, journal: MemoryJournal | None = None, **environ: str) -> dict[str, Any]:
        executor = AgentExecutor(settings, clock=VirtualClock(NOW), environ=environ)
        return executor(job, journal if journal is not None else MemoryJournal())

    return run


@pytest.fixture
def crashing() -> type[CrashingJournal]:
    return CrashingJournal
