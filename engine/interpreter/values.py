"""Values of variables: whether two are the same, and one put inside another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def same(before: Any, after: Any) -> bool:
    """Equal in value and type, also inside: 1, 1.0 and true are different values of a variable."""
    if before is after:
        return True
    if type(before) is not type(after) or before != after:
        return False
    if isinstance(before, dict):
        return all(same(before[key], after[key]) for key in before)
    if isinstance(before, list):
        return all(map(same, before, after))
    return True


def merged(before: Any, path: str, value: Any) -> Any:
    """*value* put under the dotted *path* of *before*, whose other keys stay."""
    if not path:
        return value
    key, _, rest = path.partition(".")
    copy = dict(before) if isinstance(before, Mapping) else {}
    copy[key] = merged(copy.get(key), rest, value)
    return copy
