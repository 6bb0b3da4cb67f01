"""The model that answers: the declared one with its key, or the scripted one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pydantic_ai.exceptions import UserError
from pydantic_ai.models import Model, infer_model
from pydantic_ai.providers import Provider, infer_provider_class

from engine.errors import PermanentFailure
from engine.executors.agent.settings import OFFLINE_SWITCH, AgentSettings


def real_model(settings: AgentSettings, environ: Mapping[str, str] = os.environ) -> Model:
    """The declared model with a client of its own, to be entered once. Raises PermanentFailure."""
    name = settings.model
    if settings.base_url and settings.provider == "openai":
        # What calls itself OpenAI-compatible speaks chat completions, seldom OpenAI's newer interface.
        name = f"openai-chat:{name.partition(':')[2]}"
    try:
        return infer_model(name, lambda provider: _provider(provider, settings, environ))
    except ImportError as problem:
        raise PermanentFailure(
            f"Agent '{settings.job_type}': the client for model '{settings.model}' is not installed ({problem.name}). "
            "Install fermata[agents], or the provider's extra of pydantic-ai-slim."
        ) from problem
    except (UserError, TypeError, ValueError) as problem:
        raise PermanentFailure(
            f"Agent '{settings.job_type}': model '{settings.model}' cannot be used: {problem}"
        ) from problem


def missing_script(settings: AgentSettings, environ: Mapping[str, str] = os.environ) -> PermanentFailure:
    """What to say when no real model can be asked and there is no scripted one."""
    is_switched = settings.key_variable is None or environ.get(settings.key_variable)
    switch = f"{OFFLINE_SWITCH} is set" if is_switched else f"{settings.key_variable} is not set"
    return PermanentFailure(
        f"Agent '{settings.job_type}' has no model to ask: {switch}, and no scripted model is declared. "
        f'Set the key, or add offline = "offline.py:function" to [agents."{settings.job_type}"].'
    )


def _provider(name: str, settings: AgentSettings, environ: Mapping[str, str]) -> Provider[Any]:
    key = environ.get(settings.key_variable, "") if settings.key_variable else ""
    options: dict[str, Any] = {"api_key": key or "none"}
    if settings.base_url:
        options["base_url"] = settings.base_url
    return infer_provider_class(name)(**options)
