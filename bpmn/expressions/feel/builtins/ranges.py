"""How points and ranges lie to each other. DMN 1.5, 10.3.4.9; a point is the range that holds only it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bpmn.expressions.feel.builtins.registry import builtin
from bpmn.expressions.feel.values import Range, less

if TYPE_CHECKING:
    pass

_RANGE = re.compile(r"([\[\](])\s*(.*?)\s*\.\.\s*(.*?)\s*([\])\[])", re.DOTALL)


def _as_range(value: Any) -> Range | None:
    if isinstance(value, Range):
        return value
    return None if value is None or isinstance(value, (list, dict, bool)) else Range(value, value)


def _relation(
    name: str, relation: Callable[[Range, Range], bool | None], first: str = "range1", second: str = "range2"
) -> None:
    def call(left: Any, right: Any) -> bool | None:
        one, other = _as_range(left), _as_range(right)
        return None if one is None or other is None else relation(one, other)

    for names in dict.fromkeys(((first, second), ("point", "range"), ("range", "point"), ("point1", "point2"))):
        builtin(name, f"{names[0]}: any, {names[1]}: any")(call)


def _before(one: Range, other: Range) -> bool | None:
    if one.end is None or other.start is None:
        return False
    if less(one.end, other.start):
        return True
    touching = _same(one.end, other.start)
    if touching is None:
        return None
    return touching and not (one.end_included and other.start_included)


def _meets(one: Range, other: Range) -> bool | None:
    if one.end is None or other.start is None:
        return False
    same = _same(one.end, other.start)
    return None if same is None else same and one.end_included and other.start_included


def _starts_no_later(one: Range, other: Range) -> bool | None:
    """*one* begins where *other* begins, or before."""
    if one.start is None or other.start is None:
        return one.start is None
    if less(one.start, other.start):
        return True
    same = _same(one.start, other.start)
    return None if same is None else same and (one.start_included or not other.start_included)


def _ends_no_earlier(one: Range, other: Range) -> bool | None:
    if one.end is None or other.end is None:
        return one.end is None
    if less(other.end, one.end):
        return True
    same = _same(one.end, other.end)
    return None if same is None else same and (one.end_included or not other.end_included)


def _includes(one: Range, other: Range) -> bool | None:
    return _both(_starts_no_later(one, other), _ends_no_earlier(one, other))


def _overlaps(one: Range, other: Range) -> bool | None:
    before, after = _before(one, other), _before(other, one)
    return None if before is None or after is None else not before and not after


def _overlaps_before(one: Range, other: Range) -> bool | None:
    return _both(_overlaps(one, other), _both(_starts_no_later(one, other), _ends_no_earlier(other, one)))


def _starts(one: Range, other: Range) -> bool | None:
    same = _both(_same(one.start, other.start), one.start_included == other.start_included)
    return _both(same, _ends_no_earlier(other, one))


def _finishes(one: Range, other: Range) -> bool | None:
    same = _both(_same(one.end, other.end), one.end_included == other.end_included)
    return _both(same, _starts_no_later(other, one))


def _coincides(one: Range, other: Range) -> bool | None:
    return _both(
        _both(_same(one.start, other.start), _same(one.end, other.end)),
        one.start_included == other.start_included and one.end_included == other.end_included,
    )


def _same(left: Any, right: Any) -> bool | None:
    if left is None or right is None:
        return left is right
    if less(left, right) is None:
        return None
    return not less(left, right) and not less(right, left)


def _both(left: bool | None, right: bool | None) -> bool | None:
    return None if left is None or right is None else left and right


_relation("before", _before)
_relation("after", lambda one, other: _before(other, one))
_relation("meets", _meets)
_relation("met by", lambda one, other: _meets(other, one))
_relation("overlaps", _overlaps)
_relation("overlaps before", _overlaps_before)
_relation("overlaps after", lambda one, other: _overlaps_before(other, one))
_relation("finishes", _finishes)
_relation("finished by", lambda one, other: _finishes(other, one))
_relation("includes", _includes)
_relation("during", lambda one, other: _includes(other, one))
_relation("starts", _starts)
_relation("started by", lambda one, other: _starts(other, one))
_relation("coincides", _coincides)
