"""Scripted models: a Python function answers in the model's place, through the same loop as a real one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from engine.errors import PermanentFailure
from engine.executors.agent.settings import OFFLINE

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import Model
    from pydantic_ai.models.function import AgentInfo


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A scripted model's wish to have a tool called."""

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class ToolResult:
    """*arguments*: as the script gave them. *is_refused*: the call was wrong, and *value* says why."""

    tool: str
    arguments: Mapping[str, Any]
    value: Any
    is_refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a scripted model sees when it is its turn to answer.

    *number*: how often it has answered before. *results*: of all tool calls so far, in order.
    *complaint*: why its last answer was refused, or ''.
    """

    inputs: Mapping[str, Any]
    instructions: str
    prompt: str
    number: int
    tools: tuple[str, ...] = ()
    results: tuple[ToolResult, ...] = ()
    complaint: str = ""


Script = Callable[[Turn], "ToolCall | Sequence[ToolCall] | Mapping[str, Any] | str"]


def offline_name(script: Script) -> str:
    return f"{OFFLINE}:{script.__name__}"


def scripted_model(script: Script, *, inputs: Mapping[str, Any], instructions: str, prompt: str) -> Model:
    """A model that answers what *script* returns: a tool call, several, or the final answer."""
    from pydantic_ai.models.function import FunctionModel

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        turn = _turn(messages, info, inputs=inputs, instructions=instructions, prompt=prompt)
        return _response(script, turn, info)

    return FunctionModel(answer, model_name=offline_name(script))


def _turn(
    messages: list[ModelMessage], info: AgentInfo, *, inputs: Mapping[str, Any], instructions: str, prompt: str
) -> Turn:
    from pydantic_ai.messages import ModelResponse, ToolCallPart, ToolReturnPart

    tools = tuple(tool.name for tool in info.function_tools)
    parts = [part for message in messages[1:] for part in message.parts]
    arguments = {part.tool_call_id: part.args_as_dict() for part in parts if isinstance(part, ToolCallPart)}
    results = [
        ToolResult(part.tool_name, arguments[part.tool_call_id], part.content, is_refused=part.outcome != "success")
        for part in parts
        if isinstance(part, ToolReturnPart) and part.tool_name in tools
    ]
    return Turn(
        inputs=inputs,
        instructions=instructions,
        prompt=prompt,
        number=sum(isinstance(message, ModelResponse) for message in messages),
        tools=tools,
        results=tuple(results),
        complaint=_complaint(messages),
    )


def _complaint(messages: list[ModelMessage]) -> str:
    from pydantic_ai.messages import ToolReturnPart

    if len(messages) == 1 or messages[-1].kind != "request":
        return ""
    refused = [part for part in messages[-1].parts if not isinstance(part, ToolReturnPart) or part.outcome != "success"]
    return "\n".join(str(getattr(part, "content", "")) for part in refused)


def _response(script: Script, turn: Turn, info: AgentInfo) -> ModelResponse:
    from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart

    answer = script(turn)
    if isinstance(answer, str):
        return ModelResponse(parts=[TextPart(answer)])
    if isinstance(answer, Mapping):
        if not info.output_tools:
            raise PermanentFailure(f"{offline_name(script)} returned a dict, but the agent has no output schema.")
        calls = [ToolCall(info.output_tools[0].name, answer)]
    else:
        calls = [answer] if isinstance(answer, ToolCall) else _calls(answer)
    if not calls:
        raise PermanentFailure(
            f"{offline_name(script)} returned {type(answer).__name__}. "
            "Return a ToolCall, a list of them, or the final answer as a dict or a text."
        )
    return ModelResponse(
        parts=[
            ToolCallPart(call.tool, dict(call.arguments), tool_call_id=f"call-{turn.number + 1}-{number}")
            for number, call in enumerate(calls, start=1)
        ]
    )


def _calls(answer: object) -> list[ToolCall]:
    """The calls in what a script returned; none when it is anything else."""
    if not isinstance(answer, list | tuple):
        return []
    entries = cast("Sequence[object]", answer)
    calls = [entry for entry in entries if isinstance(entry, ToolCall)]
    return calls if len(calls) == len(entries) else []
