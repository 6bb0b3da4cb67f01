"""What an exchange with a model cost, by the published price list or by the agent's own price."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from engine.executors.agent.settings import AgentSettings

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponse


def has_price(settings: AgentSettings) -> bool:
    """Whether what *settings.model* costs is known before it is asked."""
    if settings.price is not None:
        return True
    try:
        from genai_prices import Usage, calc_price
    except ImportError:
        return True  # without the library no agent runs, and says so

    provider, _, model = settings.model.partition(":")
    try:
        calc_price(Usage(input_tokens=1, output_tokens=1), model, provider_id=_listed(provider))
    except LookupError:
        return False
    return True


def cost_of(settings: AgentSettings, response: ModelResponse) -> Decimal | None:
    """US dollars; None where no price is known or the model reported no tokens."""
    if response.usage.unmeasured_requests:
        return None
    if settings.price is not None:
        return settings.price.of(response.usage.input_tokens, response.usage.output_tokens)
    if response.usage.cost is not None:
        return response.usage.cost
    try:
        return response.cost().total_price
    except (LookupError, ValueError, AssertionError):
        return None


def _listed(provider: str) -> str:
    """The price list knows a provider by one name, whichever of its interfaces is used."""
    return "openai" if provider.startswith("openai-") else provider
