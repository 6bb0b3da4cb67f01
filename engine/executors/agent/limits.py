"""How much an agent may spend on one job, and the count of what it has spent."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from engine.errors import InvalidInput
from engine.model import AgentStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one job's agent may spend at most, all attempts and restarts together; None: no limit.

    *cost*: US dollars. *seconds*: time at work (saved steps, and the present attempt). Model and tool
    calls are always limited. An answer that crosses a limit of tokens or cost ends the agent even if it
    would have been the last: a job that completes has kept within its limits.
    """

    model_calls: int = 20
    tool_calls: int = 50
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cost: Decimal | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name in ("model_calls", "tool_calls", "input_tokens", "output_tokens", "total_tokens", "cost", "seconds"):
            value = getattr(self, name)
            least = 1 if name not in ("tool_calls", "cost", "seconds") else 0
            if value is not None and not value >= least:
                raise InvalidInput(f"limits.{name} is {value}. Give a number of at least {least}, or leave it out.")

    @property
    def needs_usage(self) -> bool:
        """Whether a model must report its tokens for these limits to be kept."""
        return any(v is not None for v in (self.input_tokens, self.output_tokens, self.total_tokens, self.cost))


class LimitReached(Exception):
    """*limit*: the name of the field of `Limits`. *used* and *allowed* are figures, with their unit."""

    def __init__(self, limit: str, used: str, allowed: str) -> None:
        super().__init__(f"{limit}: used {used} of {allowed}")
        self.limit = limit
        self.used = used
        self.allowed = allowed


@dataclass(slots=True)
class Meter:
    """Counts every step once, whether it is new or taken from the journal."""

    limits: Limits
    model_calls: int = 0
    tool_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal = field(default_factory=Decimal)

    def count(self, step: AgentStep) -> None:
        if step.kind == "model":
            self.model_calls += 1
        else:
            self.tool_calls += 1
        self.input_tokens += step.input_tokens
        self.output_tokens += step.output_tokens
        self.cost += Decimal(step.cost or 0)

    def before(self, kind: str) -> None:
        """Raises LimitReached when one more call of this *kind* ('model' or 'tool') would be too many."""
        name = f"{kind}_calls"
        used, allowed = getattr(self, name), getattr(self.limits, name)
        if used >= allowed:
            raise LimitReached(name, f"{used} {kind} calls", str(allowed))

    def after(self) -> None:
        """Raises LimitReached when what was spent so far is over a limit of tokens or cost."""
        spent = {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "total_tokens": self.input_tokens + self.output_tokens,
        }
        for name, used in spent.items():
            allowed = getattr(self.limits, name)
            if allowed is not None and used > allowed:
                raise LimitReached(name, f"{used} {name.replace('_', ' ')}", str(allowed))
        if self.limits.cost is not None and self.cost > self.limits.cost:
            raise LimitReached("cost", f"{self.cost} USD", f"{self.limits.cost} USD")
