"""What tells the messages of one conversation from those of another (BPMN 2.0.2, 8.4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bpmn.model import Expression


@dataclass(frozen=True, slots=True)
class CorrelationProperty:
    """*retrieval*: its value in a message; *binding*: its value in the process, None where the first message of the
    conversation gives it."""

    id: str
    retrieval: Expression
    binding: Expression | None = None


@dataclass(frozen=True, slots=True)
class CorrelationKey:
    """The properties that a message must agree in, those of the key that it has. *id*: the same in all messages of
    the conversation."""

    id: str
    properties: tuple[CorrelationProperty, ...]
