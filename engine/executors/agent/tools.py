"""Tools: plain Python functions that an agent may call, with arguments checked against their annotations."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from pydantic_ai import RunContext
from pydantic_ai.exceptions import ModelRetry, ToolFailed
from pydantic_ai.toolsets import FunctionToolset, ToolsetTool, WrapperToolset
from pydantic_core import PydanticSerializationError, to_jsonable_python

from engine.errors import BpmnError, PermanentFailure
from engine.executors.agent.recorder import Recorder, Result
from engine.executors.agent.settings import RESERVED_TOOL_PARAMETERS, AgentSettings
from engine.model import Job

# What the engine hands to a tool beside the model's arguments: the model neither sees nor chooses it.
_given: ContextVar[Mapping[str, Any]] = ContextVar("given")


def toolset_of(settings: AgentSettings, recorder: Recorder, job: Job, *, max_retries: int) -> RecordedToolset:
    functions = [_as_tool(function) for function in settings.tools]
    return RecordedToolset(FunctionToolset(functions, max_retries=max_retries), recorder, job)


@dataclass
class RecordedToolset(WrapperToolset[Any]):
    """Saves each result before the model sees it, and calls no tool whose result is saved."""

    recorder: Recorder
    job: Job

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> Any:
        async def perform(sequence: int) -> Result:
            given = {"key": f"{self.job.idempotency_key}:{sequence}", "job": self.job}
            token = _given.set(given)
            try:
                return Result(name=name, response=await self._call(name, tool_args, ctx, tool))
            finally:
                _given.reset(token)

        step = await self.recorder.tool_step(
            name, ctx.tool_call_id or "", _plain(name, tool_args), self.job.idempotency_key, perform
        )
        return _outcome(step.response)

    async def _call(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> dict[str, Any]:
        """What the tool did, as it is saved. Failures that a retry of the job may mend pass through unsaved."""
        try:
            return {"result": _plain(name, await self.wrapped.call_tool(name, tool_args, ctx, tool))}
        except ModelRetry as wish:
            return {"retry": wish.message}
        except ToolFailed as failure:
            return {"failed": failure.message}
        except BpmnError as error:
            return {
                "bpmn_error": {
                    "code": error.code,
                    "message": error.message,
                    "variables": _plain(name, error.variables),
                }
            }


def _outcome(response: Mapping[str, Any]) -> Any:
    if "retry" in response:
        raise ModelRetry(response["retry"])
    if "failed" in response:
        raise ToolFailed(response["failed"])
    if "bpmn_error" in response:
        raise BpmnError(**response["bpmn_error"])
    return response["result"]


def _as_tool(function: Callable[..., Any]) -> Callable[..., Any]:
    """*function* without the parameters that the engine fills in, so that the model does not see them."""
    signature = inspect.signature(function)
    filled = [name for name in RESERVED_TOOL_PARAMETERS if name in signature.parameters]
    if not filled:
        return function
    hints = typing.get_type_hints(function, include_extras=True)
    shown = [
        p.replace(annotation=hints.get(n, p.annotation)) for n, p in signature.parameters.items() if n not in filled
    ]

    def complete(arguments: dict[str, Any]) -> dict[str, Any]:
        given = _given.get()
        return {**arguments, **{name: given[name] for name in filled}}

    async def asynchronous(**arguments: Any) -> Any:
        return await function(**complete(arguments))

    def synchronous(**arguments: Any) -> Any:
        return function(**complete(arguments))

    tool: Any = asynchronous if inspect.iscoroutinefunction(function) else synchronous
    functools.update_wrapper(tool, function)
    del tool.__wrapped__
    tool.__annotations__ = {name: hint for name, hint in hints.items() if name not in filled}
    tool.__signature__ = signature.replace(
        parameters=[parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in shown],
        return_annotation=hints.get("return", signature.return_annotation),
    )
    return tool


def _plain(tool: str, value: Any) -> Any:
    """*value* as JSON: what is saved is what the model sees, now and when it is played back."""
    try:
        return to_jsonable_python(value, inf_nan_mode="strings")
    except (PydanticSerializationError, UnicodeDecodeError) as problem:
        raise PermanentFailure(
            f"Tool '{tool}' returned a {type(value).__name__} that cannot be written as JSON. "
            "Return text, numbers, lists, dicts, or a dataclass of these."
        ) from problem
