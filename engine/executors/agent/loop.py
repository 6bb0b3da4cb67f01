"""The loop of an agent: the model answers, tools are called, until an answer is valid.

pydantic-ai drives it; this module puts the recorder between the loop and whatever costs money or touches
the world. Its other seams are left as they are: an agent whose tools are activities of a diagram would
replace the toolset here, by one whose calls are deferred.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter
from pydantic_ai import Agent, ModelRetry, StructuredDict, ToolOutput, UsageLimits
from pydantic_ai.exceptions import OutputTokenLimitExceeded, UnexpectedModelBehavior
from pydantic_ai.messages import ModelMessage, ModelResponse, RetryFeedbackPart, ToolReturnPart
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings

from engine.errors import PermanentFailure
from engine.executors.agent.failures import Refused, failure_of
from engine.executors.agent.prices import cost_of
from engine.executors.agent.recorder import Recorder, Result
from engine.executors.agent.schema import violations
from engine.executors.agent.settings import ANSWER_TOOL, AgentSettings
from engine.executors.agent.tools import toolset_of
from engine.model import AgentStep, Job

REQUEST_TIMEOUT = 120.0  # seconds, unless the agent's model_settings say
_OWN_IDS = ("run_id", "conversation_id")  # of the library; the job and the sequence are ours
_RESPONSES: TypeAdapter[ModelResponse] = TypeAdapter(ModelResponse)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What one job asks of its agent."""

    job: Job
    instructions: str
    prompt: str


class NoValidAnswer(Exception):
    """*reason*: a key of ERROR_CODES. *is_final*: the conversation cannot go on from the last answer."""

    def __init__(self, reason: str, message: str, *, is_final: bool) -> None:
        super().__init__(message)
        self.reason = reason
        self.is_final = is_final


async def converse(settings: AgentSettings, task: Task, model: Model, recorder: Recorder, tries: int) -> Any:
    """The agent's validated answer, as plain JSON values.

    Raises NoValidAnswer when none of *tries* answers was valid; LimitReached; RunChanged; what a failed
    call of the model or a tool means for the job.
    """
    recorded = RecordedModel(model, settings, task, recorder)
    agent = Agent(
        recorded,
        output_type=_output_type(settings),
        instructions=task.instructions,
        toolsets=[toolset_of(settings, recorder, task.job, max_retries=tries - 1)],
        retries={"output": tries - 1, "tools": tries - 1},
        model_settings=_model_settings(settings),
    )
    if isinstance(settings.output, Mapping):
        agent.output_validator(_schema_check(settings.output))
    try:
        async with recorded:
            with agent.parallel_tool_call_execution_mode("sequential"):
                run = await agent.run(task.prompt, usage_limits=UsageLimits(request_limit=None))
    except Refused as refusal:
        raise NoValidAnswer("output_refused", str(refusal), is_final=True) from None
    except OutputTokenLimitExceeded:
        text = "The answer was cut off at the model's token limit. Raise model_settings.max_tokens."
        raise NoValidAnswer("output_invalid", text, is_final=True) from None
    except UnexpectedModelBehavior:
        text = f"The model gave no valid answer in {tries} tries: see the last step of the agent's history."
        raise NoValidAnswer("output_invalid", text, is_final=False) from None
    return _plain_output(settings, run.output)


class RecordedModel(WrapperModel):
    """Saves each answer before anybody acts on it, and asks the model nothing that is answered already."""

    def __init__(self, wrapped: Model, settings: AgentSettings, task: Task, recorder: Recorder) -> None:
        super().__init__(wrapped)
        self._declared = settings
        self._task = task
        self._recorder = recorder
        self._seen = 0

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        async def perform(sequence: int) -> Result:
            response = await self._ask(messages, model_settings, model_request_parameters)
            return self._result(response)

        head = None if self._seen else self._head(model_request_parameters)
        request = {"messages": self._new_parts(messages)} if head is None else self._opening(model_request_parameters)
        identity = [[part["kind"], part.get("call_id")] for part in request.get("messages", ())]
        self._seen = len(messages) + 1
        step = await self._recorder.model_step(identity, request, perform, head)
        response = _RESPONSES.validate_python(step.response["message"])
        self._check_usage(step, response)
        if response.finish_reason == "content_filter":
            raise Refused(f"The provider's content filter withheld the answer of step {step.sequence}.")
        return response

    async def _ask(
        self, messages: list[ModelMessage], settings: ModelSettings | None, parameters: ModelRequestParameters
    ) -> ModelResponse:
        deadline = asyncio.timeout(self._recorder.remaining_seconds())
        try:
            async with deadline:
                return await self.wrapped.request(messages, settings, parameters)
        except Exception as error:
            if deadline.expired():
                raise self._recorder.out_of_time() from None
            failure = failure_of(error, self._declared)
            if failure is error:
                raise
            # The provider's own error is left behind: it may quote the prompt, or part of the key.
            raise failure from None

    def _result(self, response: ModelResponse) -> Result:
        cost = Decimal(0) if self._recorder.is_offline else cost_of(self._declared, response)
        response.usage.cost = cost
        return Result(
            name=response.model_name or self.model_name,
            response={"message": _without_nones(_RESPONSES.dump_python(response, mode="json"))},
            input_tokens=response.usage.input_tokens,
            output_tokens=response.usage.output_tokens,
            cost=None if cost is None else f"{cost:f}",
        )

    def _head(self, parameters: ModelRequestParameters) -> dict[str, Any]:
        """All that the model is told when a run begins, by the name under which an operator knows it."""
        return {
            "instructions": self._task.instructions,
            "prompt and inputs": self._task.prompt,
            "tools": [[t.name, t.description, t.parameters_json_schema] for t in parameters.function_tools],
            "output schema": [[t.name, t.parameters_json_schema] for t in parameters.output_tools],
            "the choice between the real and the scripted model": self._recorder.is_offline,
        }

    def _opening(self, parameters: ModelRequestParameters) -> dict[str, Any]:
        return {
            "asked_at": self._recorder.asked_at.isoformat(),
            "instructions": self._task.instructions,
            "prompt": self._task.prompt,
            "tools": [tool.name for tool in parameters.function_tools],
            "output_schema": next((tool.parameters_json_schema for tool in parameters.output_tools), None),
        }

    def _new_parts(self, messages: Sequence[ModelMessage]) -> list[dict[str, Any]]:
        """What the model is told beyond what it knows from the steps before: a step's size is its own."""
        new = [part for message in messages[self._seen :] if message.kind == "request" for part in message.parts]
        return [self._told(part) for part in new]

    def _told(self, part: Any) -> dict[str, Any]:
        if isinstance(part, ToolReturnPart):
            told = {"kind": "tool_result", "tool": part.tool_name, "call_id": part.tool_call_id}
            if (sequence := self._recorder.sequence_of_call(part.tool_call_id)) is not None:
                return {**told, "sequence": sequence}
            return {**told, "kind": "retry", "content": part.model_response_str()}
        kind = "retry" if isinstance(part, RetryFeedbackPart) else str(part.part_kind)
        return {"kind": kind, "content": str(getattr(part, "content", ""))}

    def _check_usage(self, step: AgentStep, response: ModelResponse) -> None:
        limits = self._declared.limits
        if step.is_offline or not limits.needs_usage:
            return
        if response.usage.unmeasured_requests:
            raise PermanentFailure(
                f"Model '{step.name}' of agent '{self._declared.job_type}' reports no token usage, so its limits of "
                "tokens and cost cannot be kept. Take these limits out, or use a server that reports usage."
            )
        if limits.cost is not None and step.cost is None:
            raise PermanentFailure(
                f"No price is known for model '{step.name}' of agent '{self._declared.job_type}', so its limit of cost "
                'cannot be kept. Add price = { input = "...", output = "..." } (USD for a million tokens).'
            )


def _output_type(settings: AgentSettings) -> Any:
    if settings.output is None:
        return str
    if isinstance(settings.output, Mapping):
        return ToolOutput(StructuredDict(dict(settings.output), name=ANSWER_TOOL), name=ANSWER_TOOL)
    return ToolOutput(settings.output, name=ANSWER_TOOL)


def _schema_check(schema: Mapping[str, Any]) -> Any:
    def check(answer: dict[str, Any]) -> dict[str, Any]:
        if problems := violations(answer, schema):
            raise ModelRetry("The answer does not fit its schema:\n" + "\n".join(problems))
        return answer

    return check


def _plain_output(settings: AgentSettings, output: Any) -> Any:
    if settings.output is None or isinstance(settings.output, Mapping):
        return output
    return TypeAdapter(settings.output).dump_python(output, mode="json")


def _model_settings(settings: AgentSettings) -> ModelSettings:
    """Repeats are the job's: the provider's client makes none of its own that nobody sees."""
    defaults: dict[str, Any] = {"timeout": REQUEST_TIMEOUT, "max_retries": 0}
    return ModelSettings(**{**defaults, **settings.model_settings})


def _without_nones(message: dict[str, Any]) -> dict[str, Any]:
    """The same message, smaller: None is what a missing field means. Arguments of calls are left as they are."""
    parts = [{name: value for name, value in part.items() if value is not None} for part in message["parts"]]
    usage = {name: value for name, value in message["usage"].items() if value not in (None, 0, {})}
    kept = {name: value for name, value in message.items() if value is not None and name not in _OWN_IDS}
    return {**kept, "parts": parts, "usage": usage}
