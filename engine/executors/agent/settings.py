"""What is declared of an agent: its model, what it is asked, what it may use and spend, what it must answer."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal

from engine.errors import InvalidInput
from engine.executors.agent.limits import Limits

OFFLINE = "offline"
OFFLINE_SWITCH = "FERMATA_OFFLINE"
ERROR_CODES: Mapping[str, str] = MappingProxyType({
    "model_calls": "AGENT_LIMIT_MODEL_CALLS",
    "tool_calls": "AGENT_LIMIT_TOOL_CALLS",
    "tokens": "AGENT_LIMIT_TOKENS",
    "cost": "AGENT_LIMIT_COST",
    "seconds": "AGENT_LIMIT_TIME",
    "output_invalid": "AGENT_OUTPUT_INVALID",
    "output_refused": "AGENT_OUTPUT_REFUSED",
})  # fmt: skip
KEY_VARIABLES: Mapping[str, str] = MappingProxyType({
    "openai": "OPENAI_API_KEY",
    "openai-chat": "OPENAI_API_KEY",
    "openai-responses": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "google": "GOOGLE_API_KEY",
    "mistral": "MISTRAL_API_KEY",
    "groq": "GROQ_API_KEY",
    "cohere": "CO_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
})  # fmt: skip

RESERVED_TOOL_PARAMETERS = ("key", "job")
ANSWER_TOOL = "answer"
_TOOL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_MODEL_NAME = re.compile(r"[a-z][a-z0-9-]*:\S+")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens; used instead of the published price list."""

    input: Decimal
    output: Decimal

    def of(self, input_tokens: int, output_tokens: int) -> Decimal:
        return (self.input * input_tokens + self.output * output_tokens) / 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """One agent, as declared in fermata.toml or in Python. docs/agents.md explains every field.

    *model*: 'provider:name', or 'offline'. *inputs*: variable names, or input name to FEEL expression;
    None: the job's parameters alone. *output*: a JSON schema of an object, or a Python type; None: text.
    *result_variable*: one variable for the whole answer. *output_tries*: answers in all until one is valid.
    *base_url*, *api_key_env*: another server for the model, and the environment variable with its key.

    Raises InvalidInput when the fields do not fit together.
    """

    job_type: str
    model: str
    instructions: str = ""
    prompt: str = ""
    inputs: Sequence[str] | Mapping[str, str] | None = None
    tools: tuple[Callable[..., Any], ...] = ()
    output: Mapping[str, Any] | type[Any] | None = None
    result_variable: str | None = None
    offline: Callable[..., Any] | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    output_tries: int = 3
    limits: Limits = field(default_factory=Limits)
    price: Price | None = None
    on_limit: Literal["error", "incident"] = "error"
    on_invalid: Literal["error", "incident"] = "error"
    on_change: Literal["incident", "restart"] = "incident"
    error_codes: Mapping[str, str] = field(default_factory=lambda: ERROR_CODES)
    model_settings: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        self._check_model()
        self._check_tools()
        self._check_output()
        self._check_choices()

    def runs_offline(self, environ: Mapping[str, str] = os.environ) -> bool:
        """Whether the scripted model answers: asked for, switched on, or the model's key is missing."""
        if self.model == OFFLINE or environ.get(OFFLINE_SWITCH, "") not in ("", "0"):
            return True
        return self.key_variable is not None and not environ.get(self.key_variable)

    @property
    def provider(self) -> str:
        return self.model.partition(":")[0]

    @property
    def key_variable(self) -> str | None:
        """The environment variable that holds the model's key; None for a server of one's own without a key."""
        if self.api_key_env or self.base_url or self.model == OFFLINE:
            return self.api_key_env
        return KEY_VARIABLES[self.provider]

    def code(self, reason: str) -> str:
        """The BPMN error code for a *reason* (a key of ERROR_CODES, or a field of Limits)."""
        name = "tokens" if reason.endswith("_tokens") else reason
        return self.error_codes.get(name) or ERROR_CODES[name]

    def _check_model(self) -> None:
        if self.model == OFFLINE:
            if self.offline is None:
                raise self._wrong("model", "is 'offline', but no scripted model is given. Add offline.")
            return
        if not _MODEL_NAME.fullmatch(self.model):
            raise self._wrong("model", f"is '{self.model}'. Write it like 'openai:gpt-5-mini', or 'offline'.")
        if not (self.api_key_env or self.base_url or self.provider in KEY_VARIABLES):
            raise self._wrong(
                "model",
                f"has the unknown provider '{self.provider}'. Known: {', '.join(KEY_VARIABLES)}. "
                "For another one add api_key_env, the name of the environment variable with its key.",
            )

    def _check_tools(self) -> None:
        names = [getattr(tool, "__name__", "") for tool in self.tools]
        for name in names:
            if not _TOOL_NAME.fullmatch(name) or name == ANSWER_TOOL:
                raise self._wrong("tools", f"has a function named '{name}', which no tool can be. Rename it.")
            if names.count(name) > 1:
                raise self._wrong("tools", f"has two functions named '{name}'. Rename one.")

    def _check_output(self) -> None:
        if isinstance(self.output, Mapping):
            from engine.executors.agent.schema import check_schema

            if problem := check_schema(self.output):
                raise self._wrong("output", problem)
        if self.output is None and not self.result_variable:
            raise self._wrong("output", "is missing. Give an output schema, or a result_variable for a text answer.")
        if self.output_tries < 1:
            raise self._wrong("output_tries", "must be at least 1.")

    def _check_choices(self) -> None:
        for name, allowed in (
            ("on_limit", ("error", "incident")),
            ("on_invalid", ("error", "incident")),
            ("on_change", ("incident", "restart")),
        ):
            if getattr(self, name) not in allowed:
                raise self._wrong(name, f"is '{getattr(self, name)}'. Allowed: {', '.join(allowed)}.")
        for name in self.error_codes:
            if name not in ERROR_CODES:
                raise self._wrong("error_codes", f"has the unknown key '{name}'. Allowed: {', '.join(ERROR_CODES)}.")

    def _wrong(self, name: str, problem: str) -> InvalidInput:
        message = f"Agent '{self.job_type}': {name} {problem}"
        return InvalidInput(message, {name: problem})
