"""FEEL's built-in functions, by area. DMN 1.5, 10.3.4, and those that Camunda 8 adds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bpmn.expressions.feel.builtins import connectors, contexts, lists, numeric, ranges, strings, temporal
from bpmn.expressions.feel.builtins.registry import BUILTINS, Builtin
from bpmn.expressions.feel.names import KnownNames
from bpmn.expressions.feel.values import Function

if TYPE_CHECKING:
    from bpmn.expressions.feel.scope import Globals

AREAS = (contexts, lists, numeric, ranges, strings, temporal, connectors)
BUILTIN_NAMES = KnownNames(BUILTINS)


def builtin(name: str) -> Builtin | None:
    return BUILTINS.get(name)


def function_value(name: str, run: Globals) -> Any:
    """The built-in of that name as a value, None where there is none."""
    found = BUILTINS.get(name)
    if found is None:
        return None
    return Function(found.parameters, lambda *arguments: found.call(list(arguments), run))
