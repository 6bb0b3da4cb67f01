"""The filters and the order of Camunda's lists as searches of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import InvalidInput
from engine.searching import MOST, Condition, Operator, Search
from webapp.areas.engine_rest.asking import LARGEST, Asked

Filter = Callable[[Asked, str], Sequence[Condition]]

_PAGING = {"firstResult", "maxResults", "sortBy", "sortOrder", "sorting"}
_WITHOUT_EFFECT = {"withoutTenantId", "deserializeValues", "deserializeValue"}
"""Asked of what is so anyhow, or read elsewhere."""

_BY_NAME = {
    "eq": Operator.EQUAL,
    "neq": Operator.UNEQUAL,
    "gt": Operator.GREATER,
    "gteq": Operator.GREATER_OR_EQUAL,
    "lt": Operator.LESS,
    "lteq": Operator.LESS_OR_EQUAL,
    "like": Operator.LIKE,
}


@dataclass(frozen=True, slots=True)
class Listing:
    """What one list can be filtered and ordered by, in Camunda's words."""

    filters: Mapping[str, Filter]
    orders: Mapping[str, str]
    default_order: tuple[tuple[str, bool], ...] = ()

    def search(self, asked: Asked, *always: Condition) -> Search:
        """Raises InvalidInput for a filter that is not known: a list of too much is worse than none."""
        limit = asked.integer("maxResults", 0)
        return Search(
            (*always, *self.conditions(asked)),
            self._order(asked),
            limit=MOST if limit is None else min(limit, MOST),
            offset=asked.integer("firstResult", 0) or 0,
        )

    def conditions(self, asked: Asked) -> tuple[Condition, ...]:
        found: list[Condition] = []
        for name, value in asked.fields.items():
            if name in _PAGING or name in _WITHOUT_EFFECT or value is None:
                continue
            if name not in self.filters:
                known = ", ".join(sorted(self.filters))
                raise InvalidInput(f"'{name}' is no filter that is known here. Known are: {known}.")
            found += self.filters[name](asked, name)
        return tuple(found)

    def _order(self, asked: Asked) -> tuple[tuple[str, bool], ...]:
        wanted = [(entry.needed("sortBy"), entry.text("sortOrder")) for entry in asked.objects("sorting")]
        if (by := asked.text("sortBy")) is not None:
            wanted.append((by, asked.text("sortOrder")))
        order: list[tuple[str, bool]] = []
        for by, direction in wanted:
            if by not in self.orders or direction not in ("asc", "desc", None):
                raise InvalidInput(f"Cannot sort by '{by}' {direction}. Known are: {', '.join(sorted(self.orders))}.")
            order.append((self.orders[by], direction == "desc"))
        return tuple(order) or self.default_order


def text(field: str, operator: Operator = Operator.EQUAL) -> Filter:
    return lambda asked, name: [Condition(field, asked.text(name), operator)]


def like(field: str) -> Filter:
    return text(field, Operator.LIKE)


def texts(field: str, operator: Operator = Operator.ONE_OF) -> Filter:
    return lambda asked, name: [Condition(field, asked.texts(name), operator)]


def integer(field: str, operator: Operator = Operator.EQUAL) -> Filter:
    return lambda asked, name: [Condition(field, asked.integer(name), operator)]


def moment(field: str, operator: Operator) -> Filter:
    return lambda asked, name: [Condition(field, asked.moment(name), operator)]


def when(*conditions: Condition) -> Filter:
    """*conditions* where the flag is set; where it is false, Camunda asks for nothing."""
    return lambda asked, name: conditions if asked.flag(name) else ()


def exists(field: str, wanted: bool = True) -> Filter:
    return when(Condition(field, wanted, Operator.EXISTS))


def variables(asked: Asked, name: str) -> Sequence[Condition]:
    """`amount_gt_5,city_eq_Rome` in a query; {"name", "operator", "value"} in a body, where values have types."""
    value = asked.any(name)
    if isinstance(value, str):
        return [_from_query(name, each) for each in value.split(",") if each]
    return [
        Condition(f"variable:{each.needed('name')}", each.any("value"), _operator(name, each.needed("operator")))
        for each in asked.objects(name)
    ]


def nothing(asked: Asked, name: str) -> Sequence[Condition]:
    return ()


def no_tenants(asked: Asked, name: str) -> Sequence[Condition]:
    if asked.texts(name):
        raise InvalidInput(f"{name}: there are no tenants here. Leave it out.")
    return ()


def _from_query(name: str, text: str) -> Condition:
    for word in sorted(_BY_NAME, key=len, reverse=True):
        variable, found, value = text.partition(f"_{word}_")
        if found and variable:
            return Condition(f"variable:{variable}", _guessed(value), _BY_NAME[word])
    raise InvalidInput(f"{name}: '{text}' is no comparison. Write it as name_eq_value.")


def _guessed(text: str) -> Any:
    """A value in a query has no type: what reads as a number or a truth value is one."""
    if text in ("true", "false"):
        return text == "true"
    try:
        number = float(text)
    except ValueError:
        return text
    return int(text) if text.lstrip("-").isdigit() and abs(number) <= LARGEST else number


def _operator(name: str, word: str) -> Operator:
    if word not in _BY_NAME:
        raise InvalidInput(f"{name}: '{word}' is no operator. Known are: {', '.join(_BY_NAME)}.")
    return _BY_NAME[word]
