"""A model's types: whether a value is of one, and the coercions that DMN allows. DMN 1.5, 7.3.2 and 10.3.2.9.4."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from bpmn.dmn.model import ItemDefinition
from bpmn.expressions.errors import ExpressionError
from bpmn.expressions.feel import Run, Scope, compile_tests
from bpmn.expressions.feel.nodes import TypeName
from bpmn.expressions.feel.scope import Local
from bpmn.expressions.feel.temporal import Temporal, parse_date, parse_date_time, parse_time
from bpmn.expressions.feel.types import Check, check_of

_NUMBERS = frozenset(("number", "integer", "long", "double", "float", "short", "byte", "int"))
_ALIASES = dict.fromkeys(_NUMBERS, "number") | {
    "dateTime": "date and time",
    "dayTimeDuration": "days and time duration",
    "yearMonthDuration": "years and months duration",
    "bool": "boolean",
}


class Types(Mapping[str, Check]):
    """Checks by type name: a model's own, FEEL's own, and the spellings of other engines.

    *instances*: the same for 'instance of', which asks for all of a structure's components and not for
    allowed values.
    """

    def __init__(
        self, definitions: Mapping[str, ItemDefinition], scope: Callable[[], Scope], for_instances: bool = False
    ) -> None:
        self._definitions = definitions
        self._scope = scope
        self._for_instances = for_instances
        self.instances: Types = self if for_instances else Types(definitions, scope, for_instances=True)
        self._checks: dict[str, Check] = {}

    def __getitem__(self, name: str) -> Check:
        """Raises KeyError for FEEL's own types and unknown ones."""
        found = self._checks.get(name)
        if found is not None:
            return found
        definition = self._definitions.get(name)
        if definition is None:
            raise KeyError(name)
        self._checks[name] = lambda value: self._checks[name](value)  # a type may speak of itself
        made = self._check(definition)
        self._checks[name] = made
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._definitions)

    def __len__(self) -> int:
        return len(self._definitions)

    def check(self, name: str | None) -> Check | None:
        """None where there is nothing to check: no type, Any, or one that nobody defines."""
        if not name or name in ("Any", "any"):
            return None
        try:
            return check_of(TypeName(_ALIASES.get(name, name)), self)
        except (ExpressionError, RecursionError):
            return None

    def _check(self, definition: ItemDefinition) -> Check:
        if definition.is_function:
            return check_of(TypeName("function"), {})
        tests = self._allowed(definition)
        if definition.components:
            parts = {component.name: self._check(component) for component in definition.components}
            one: Check = lambda value: _is_structure(value, parts, self._for_instances)  # noqa: E731
        else:
            one = self.check(definition.base) or (lambda value: True)
        both: Check = lambda value: one(value) and (tests is None or tests(value))  # noqa: E731
        if not definition.is_collection:
            return both
        return lambda value: isinstance(value, list) and all(item is None or both(item) for item in value)  # pyright: ignore[reportUnknownVariableType]

    def _allowed(self, definition: ItemDefinition) -> Check | None:
        if self._for_instances or definition.values is None or not definition.values.text:
            return None
        try:
            tests: Run = compile_tests(definition.values.text)
        except ExpressionError:
            return None
        return lambda value: tests(Local({"?": value}, self._scope())) is True


def _is_structure(value: Any, parts: Mapping[str, Check], is_complete: bool) -> bool:
    if not isinstance(value, dict) or (is_complete and not value.keys() >= parts.keys()):
        return False
    return all(value.get(name) is None or check(value[name]) for name, check in parts.items())  # pyright: ignore[reportUnknownMemberType]


def conform(value: Any, check: Check | None) -> Any:
    """*value* where it is of the type, or can be made so from or to a list of one; else None."""
    if check is None or value is None or check(value):
        return value
    if type(value) is list:
        return value[0] if len(value) == 1 and check(value[0]) else None  # pyright: ignore[reportUnknownArgumentType]
    return [value] if check([value]) else None


def from_text(value: Any, type_ref: str | None) -> Any:
    """A text from a form or a JSON message as what a table's column is typed to, where it spells one."""
    if not isinstance(value, str) or type_ref is None:
        return value
    name = _ALIASES.get(type_ref, type_ref)
    try:
        if name == "number" and len(value) < 100:
            number = Decimal(value.strip())
            return number if number.is_finite() else value
        if name == "boolean" and value.lower() in ("true", "false"):
            return value.lower() == "true"
        parsed: Temporal | None = None
        if name == "date":
            parsed = parse_date(value)
        elif name == "date and time":
            parsed = parse_date_time(value)
        elif name == "time":
            parsed = parse_time(value)
        return value if parsed is None else parsed
    except ArithmeticError:
        return value
