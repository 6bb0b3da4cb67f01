"""Texts. DMN 1.5, 10.3.4.1 and 10.3.4.3; trim, uuid-free Camunda additions."""

from __future__ import annotations

import base64
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bpmn.expressions.feel.builtins.patterns import compiled_pattern, found_in, replaced, split_by
from bpmn.expressions.feel.builtins.registry import builtin
from bpmn.expressions.feel.text import text_of

if TYPE_CHECKING:
    from bpmn.expressions.feel.scope import Globals

_NUMBER = re.compile(r"-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)


@builtin("string", "from: any", wants_run=True)
def string(run: Globals, value: Any) -> str | None:
    return None if value is None else text_of(value, run.budget)


@builtin("number", "from: string")
@builtin("number", "from: number")
def number(text: str | Decimal) -> Decimal | None:
    if isinstance(text, Decimal):
        return text
    return Decimal(text) if _NUMBER.fullmatch(text) else None


@builtin("number", "from: string, grouping separator: any, decimal separator: any")
def number_with_separators(text: str, grouping: Any, point: Any) -> Decimal | None:
    if grouping not in (None, " ", ",", ".") or point not in (None, ",", ".") or (grouping and grouping == point):
        return None
    plain = text.replace(grouping, "") if grouping else text
    if point == ",":
        plain = plain.replace(",", ".")
    return number(plain)


@builtin("substring", "string: string, start position: number, length: number?")
def substring(text: str, start: Decimal, length: Decimal | None = None) -> str | None:
    first = int(start)
    if first == 0 or abs(first) > len(text) or (length is not None and length < 1):
        return None
    first = first - 1 if first > 0 else len(text) + first
    return text[first:] if length is None else text[first : first + int(length)]


@builtin("string length", "string: string")
def string_length(text: str) -> Decimal:
    return Decimal(len(text))


@builtin("upper case", "string: string")
def upper_case(text: str) -> str:
    return text.upper()


@builtin("lower case", "string: string")
def lower_case(text: str) -> str:
    return text.lower()


@builtin("trim", "string: string")
def trim(text: str) -> str:
    return text.strip()


@builtin("substring before", "string: string, match: string")
def substring_before(text: str, match: str) -> str:
    before, found, _ = text.partition(match) if match else ("", "", "")
    return before if found else ""


@builtin("substring after", "string: string, match: string")
def substring_after(text: str, match: str) -> str:
    return text.partition(match)[2] if match else text


@builtin("contains", "string: string, match: string")
def contains(text: str, match: str) -> bool:
    return match in text


@builtin("starts with", "string: string, match: string")
def starts_with(text: str, match: str) -> bool:
    return text.startswith(match)


@builtin("ends with", "string: string, match: string")
def ends_with(text: str, match: str) -> bool:
    return text.endswith(match)


@builtin("matches", "input: string, pattern: string, flags: string?")
def matches(text: str, pattern: str, flags: str | None = None) -> bool | None:
    compiled = compiled_pattern(pattern, flags)
    return None if compiled is None else found_in(compiled, text)


@builtin("replace", "input: string, pattern: string, replacement: string, flags: string?", wants_run=True)
def replace(run: Globals, text: str, pattern: str, replacement: str, flags: str | None = None) -> str | None:
    compiled = compiled_pattern(pattern, flags)
    return None if compiled is None else replaced(compiled, replacement, text, "q" in (flags or ""), run.budget)


@builtin("split", "string: string, delimiter: string", wants_run=True)
def split(run: Globals, text: str, delimiter: str) -> list[str] | None:
    compiled = compiled_pattern(delimiter, None)
    return None if compiled is None else split_by(compiled, text, run.budget)


@builtin("extract", "string: string, pattern: string", wants_run=True)
def extract(run: Globals, text: str, pattern: str) -> list[str] | None:
    compiled = compiled_pattern(pattern, None)
    if compiled is None:
        return None
    run.budget.grow(len(text))
    return [found.group() for found in compiled.finditer(text, timeout=1.0)]


@builtin("string join", "list: list, delimiter: string?", wants_run=True)
@builtin("string join", "list: list, delimiter: string, prefix: string, suffix: string", wants_run=True)
def string_join(
    run: Globals, texts: list[Any], delimiter: str | None = None, prefix: str = "", suffix: str = ""
) -> str | None:
    present = [text for text in texts if text is not None]
    if not all(isinstance(text, str) for text in present):
        return None
    run.budget.grow(sum(len(text) for text in present) + len(delimiter or "") * len(present))
    return prefix + (delimiter or "").join(present) + suffix


@builtin("is blank", "string: string")
def is_blank(text: str) -> bool:
    return not text.strip()


@builtin("to base64", "value: string")
def to_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
