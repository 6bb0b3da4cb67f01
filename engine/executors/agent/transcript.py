"""An agent's saved steps as people read them: what it was asked, what it did, what it cost."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from engine.model import AgentStep

_TITLES = {
    "instructions": "Instructions",
    "prompt": "Task",
    "text": "Answer",
    "thinking": "Thinking",
    "tool_call": "Calls",
    "tool_result": "Result",
    "retry": "Sent back",
    "error": "Error",
    "output_schema": "Must answer with",
    "arguments": "Arguments",
}


@dataclass(frozen=True, slots=True)
class Part:
    """*kind*: a key of _TITLES. *value*: a text, or a JSON value. *sequence*: the tool step with the result."""

    kind: str
    title: str
    value: Any
    sequence: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """*run*: 1, or higher when the agent has started over. *replaces*: the step that was asked for once more."""

    sequence: int
    run: int
    kind: str
    name: str
    at: datetime
    duration: timedelta
    asked: tuple[Part, ...]
    answered: tuple[Part, ...]
    input_tokens: int
    output_tokens: int
    cost: Decimal | None
    is_offline: bool
    finish_reason: str | None = None
    replaces: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """*cost*: of the steps with a known price; *has_unpriced*: some model step has none."""

    model_calls: int
    tool_calls: int
    input_tokens: int
    output_tokens: int
    cost: Decimal
    has_unpriced: bool
    is_offline: bool  # some answer came from a scripted model
    duration: timedelta


def describe(step: AgentStep) -> StepView:
    """One step, whatever library wrote it; unknown parts are shown as they are."""
    is_model = step.kind == "model"
    message: Mapping[str, Any] = step.response.get("message", {}) if is_model else {}
    return StepView(
        sequence=step.sequence,
        run=step.request["run"],
        kind=step.kind,
        name=step.name,
        at=step.at,
        duration=timedelta(milliseconds=step.duration_ms),
        asked=tuple(_asked(step.request) if is_model else [_part("arguments", step.request["arguments"])]),
        answered=tuple(_answered(message) if is_model else _tool_outcome(step.response)),
        input_tokens=step.input_tokens,
        output_tokens=step.output_tokens,
        cost=None if step.cost is None else Decimal(step.cost),
        is_offline=step.is_offline,
        finish_reason=message.get("finish_reason"),
        replaces=step.request.get("replaces"),
    )


def totals(steps: Iterable[AgentStep]) -> Totals:
    """The sums over *steps*, abandoned runs included."""
    steps = list(steps)
    model_steps = [step for step in steps if step.kind == "model"]
    return Totals(
        model_calls=len(model_steps),
        tool_calls=len(steps) - len(model_steps),
        input_tokens=sum(step.input_tokens for step in steps),
        output_tokens=sum(step.output_tokens for step in steps),
        cost=sum((Decimal(step.cost) for step in steps if step.cost is not None), Decimal(0)),
        has_unpriced=any(step.cost is None for step in model_steps),
        is_offline=any(step.is_offline for step in model_steps),
        duration=timedelta(milliseconds=sum(step.duration_ms for step in steps)),
    )


def _asked(request: Mapping[str, Any]) -> Iterable[Part]:
    for name in ("instructions", "prompt", "output_schema"):
        if request.get(name):
            yield _part(name, request[name])
    for told in request.get("messages", ()):
        title = f"{_TITLES.get(told['kind'], told['kind'])}{' of ' + told['tool'] if 'tool' in told else ''}"
        yield Part(told["kind"], title, told.get("content"), told.get("sequence"))


def _answered(message: Mapping[str, Any]) -> Iterable[Part]:
    for part in message.get("parts", ()):
        match part.get("part_kind"):
            case "text" | "thinking" as kind:
                yield _part(kind, part.get("content", ""))
            case "tool-call":
                yield Part("tool_call", f"Calls {part['tool_name']}", _arguments(part.get("args")))
            case other:
                yield Part(str(other), str(other), part)


def _tool_outcome(response: Mapping[str, Any]) -> Iterable[Part]:
    if "result" in response:
        yield _part("tool_result", response["result"])
    elif "bpmn_error" in response:
        yield Part("error", f"BPMN error {response['bpmn_error']['code']}", response["bpmn_error"]["message"])
    else:
        yield _part("retry", response.get("retry", response.get("failed", "")))


def _part(kind: str, value: Any) -> Part:
    return Part(kind, _TITLES[kind], value)


def _arguments(written: Any) -> Any:
    """The arguments as the model wrote them: some models write JSON text, not always valid."""
    if not isinstance(written, str):
        return {} if written is None else written
    try:
        return json.loads(written)
    except ValueError:
        return written
