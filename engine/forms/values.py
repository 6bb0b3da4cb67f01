"""Variables as forms name them ('a.b'), and the FEEL that forms may contain."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from bpmn.expressions import ExpressionError, compile_expression
from bpmn.model import Expression, Language

_TEMPLATE = re.compile(r"\{\{(.{1,500}?)\}\}", re.DOTALL)


def get_path(variables: Mapping[str, Any], path: str) -> Any:
    found: Any = variables
    for name in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = cast(Mapping[str, Any], found).get(name)
    return found


def set_path(variables: dict[str, Any], path: str, value: Any, before: Mapping[str, Any]) -> None:
    """Sets 'a.b' inside variable a, which starts as it is in *before*."""
    first, *rest = path.split(".")
    if not rest:
        variables[first] = value
        return
    if first not in variables:
        known = before.get(first)
        variables[first] = dict(cast(Mapping[str, Any], known)) if isinstance(known, Mapping) else {}
    inner = variables[first]
    if isinstance(inner, dict):
        set_path(cast(dict[str, Any], inner), ".".join(rest), value, {**inner})


def evaluate(text: str, variables: Mapping[str, Any]) -> Any:
    """The value of FEEL *text*, with or without its '='; None where it cannot be evaluated."""
    try:
        return compile_expression(Expression(Language.FEEL, text.removeprefix("=")))(variables)
    except ExpressionError:
        return None


def rendered(text: str, variables: Mapping[str, Any]) -> str:
    """*text* with its {{expression}} parts filled in; the whole as FEEL when it starts with '='."""
    if text.startswith("="):
        return _shown(evaluate(text, variables))
    return _TEMPLATE.sub(lambda match: _shown(evaluate(match[1].strip(), variables)), text)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
