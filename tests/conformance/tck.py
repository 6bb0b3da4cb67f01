"""The DMN TCK: single FEEL expressions, and decisions of whole models, scored as the TCK compares values."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from lxml import etree

from bpmn.dmn import DecisionError, decide, link, read_dmn
from bpmn.expressions import ExpressionError, YearMonthDuration
from bpmn.expressions.feel import compile_feel, evaluated
from bpmn.expressions.feel.temporal import format_temporal, parse_date, parse_date_time, parse_duration, parse_time
from tests.conformance.material import FOLDER, Outcome, outcome

NOW = datetime(2026, 1, 1, tzinfo=UTC)
_NS = {"t": "http://www.omg.org/spec/DMN/20160719/testcase"}
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


def expressions() -> Iterator[Outcome]:
    cases = json.loads((FOLDER / "dmn-tck/feel_expressions.json").read_text())
    types = {folder: _types_in(FOLDER / "dmn-tck/TestCases" / folder) for folder in {case["dir"] for case in cases}}
    for case in cases:
        name = _name(case["dir"].partition("/")[2], case["test"], case["decision"])
        yield outcome(name, partial(_judge_expression, case, types[case["dir"]]))


def decisions(level: str) -> Iterator[Outcome]:
    """The cases of one folder of the TCK."""
    for folder in sorted((FOLDER / "dmn-tck/TestCases" / level).iterdir()):
        for file in sorted(folder.glob("*test*.xml")):
            yield from _decisions_in(folder, file)


def _types_in(folder: Path) -> Any:
    """What the models that the expressions come from call types."""
    model, _ = read_dmn(next(folder.glob("*.dmn")).read_bytes(), folder.name)
    assert model is not None
    return model.program.types.instances


def _judge_expression(case: Mapping[str, Any], types: Any) -> str:
    inputs = {name: from_json(value) for name, value in case["inputs"].items()}
    return _judge(
        lambda: evaluated(compile_feel(case["expression"], _names_in(inputs), types))(inputs, NOW),
        from_json(case["expected"]),
        f"{case['expression']}: ",
    )


def _name(folder: str, test: str, decision: str) -> str:
    """Many decisions are called like their test."""
    return f"{folder}/{test}" if decision.endswith(test) else f"{folder}/{test}/{decision}"


def _names_in(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {*value, *(name for each in value.values() for name in _names_in(each))}
    return {name for each in value for name in _names_in(each)} if isinstance(value, list) else set()


def _decisions_in(folder: Path, file: Path) -> Iterator[Outcome]:
    root = etree.parse(str(file)).getroot()
    model_name = root.findtext("{*}modelName")
    model, findings = read_dmn((folder / model_name).read_bytes(), model_name)
    if model is not None and model.imports:
        others = [read_dmn(path.read_bytes(), path.name)[0] for path in sorted(folder.glob("*.dmn"))]
        model = link(other for other in others if other is not None)[0][model_name]
    for case in root.findall("t:testCase", _NS):
        inputs = {node.get("name"): from_xml(node) for node in case.findall("t:inputNode", _NS)}
        for node in case.findall("t:resultNode", _NS):
            decision, expected = node.get("name"), node.find("t:expected", _NS)
            name = _name(folder.name, case.get("id"), decision)
            if model is None:
                yield Outcome(name, f"the model is not read: {findings[0]}")
                continue
            find = partial(decide, model, decision, inputs, NOW)
            wanted = None if expected is None else from_xml(expected)
            yield outcome(name, partial(_judge, partial(_value, find), wanted))


def _value(find: Callable[[], Any]) -> Any:
    return find().value


def _judge(find: Callable[[], Any], expected: Any, what: str = "") -> str:
    """Why the value that *find* gives is not *expected*; an error is as good as null where null is."""
    try:
        value = find()
    except (ExpressionError, DecisionError) as problem:
        return "" if expected is None else f"{what}expected {shown(expected)}, failed: {problem}"
    return "" if same(value, expected) else f"{what}expected {shown(expected)}, got {shown(value)}"


def shown(value: Any) -> str:
    if isinstance(value, (date, time, timedelta, YearMonthDuration)):
        return format_temporal(value)
    return str(value) if isinstance(value, Decimal) else repr(value)


def typed(kind: str | None, text: str | None) -> Any:
    """A value as the TCK writes it: an XML Schema type and a text."""
    if text is None or kind is None:
        return text
    match kind.rpartition(":")[2]:
        case "boolean":
            return text.strip() == "true"
        case "decimal" | "double" | "integer" | "int" | "long" | "float":
            return Decimal(text.strip())
        case "date":
            return parse_date(text.strip())
        case "time":
            return parse_time(text.strip())
        case "dateTime":
            return parse_date_time(text.strip())
        case "duration":
            return parse_duration(text.strip())
        case _:
            return text


def from_json(written: Any) -> Any:
    if written is None:
        return None
    if "list" in written:
        return [from_json(item) for item in written["list"]]
    if "context" in written:
        return {key: from_json(item) for key, item in written["context"].items()}
    return typed(written["type"], written["text"])


def from_xml(node: Any) -> Any:
    """What stands inside an inputNode, an expected, a component or an item."""
    value = node.find("t:value", _NS)
    if value is not None:
        if value.get(_NIL) == "true":
            return None
        return typed(value.get(_TYPE), value.text if value.text is not None else "")
    listing = node.find("t:list", _NS)
    if listing is not None:
        if listing.get(_NIL) == "true":
            return None
        return [from_xml(item) for item in listing.findall("t:item", _NS)]
    components = node.findall("t:component", _NS)
    return {component.get("name"): from_xml(component) for component in components} if components else None


def same(actual: Any, expected: Any) -> bool:
    """Equal as the TCK has it: numbers to 8 decimals, times by their text."""
    if isinstance(expected, bool) or isinstance(actual, bool):
        return actual is expected
    if isinstance(expected, Decimal):
        if isinstance(actual, bool) or not isinstance(actual, (int, Decimal)):
            return False
        return abs(Decimal(actual) - expected) <= Decimal("1e-8") * max(Decimal(1), abs(expected))
    if isinstance(expected, list):
        return (
            isinstance(actual, list)
            and len(actual) == len(expected)
            and all(same(one, other) for one, other in zip(actual, expected, strict=True))
        )
    if isinstance(expected, dict):
        return (
            isinstance(actual, dict)
            and actual.keys() == expected.keys()
            and all(same(actual[key], expected[key]) for key in expected)
        )
    if isinstance(expected, (date, time, datetime, timedelta, YearMonthDuration)):
        return type(actual) is type(expected) and (
            actual == expected or format_temporal(actual) == format_temporal(expected)
        )
    return bool(actual == expected)
