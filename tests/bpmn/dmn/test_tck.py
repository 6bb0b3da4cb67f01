"""The DMN TCK: its single FEEL expressions and its models, with floors under the scores.

Known misses: years outside of 1 to 9999, nanoseconds, ranges made by '(!=x)', Java functions, imports of
other models.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from bpmn.dmn import DecisionError, decide, read_dmn
from bpmn.expressions import ExpressionError, YearMonthDuration
from bpmn.expressions.feel import compile_feel, evaluated
from bpmn.expressions.feel.temporal import format_temporal, parse_date, parse_date_time, parse_duration, parse_time

NOW = datetime(2026, 1, 1, tzinfo=UTC)
_NS = {"t": "http://www.omg.org/spec/DMN/20160719/testcase"}
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


pytestmark = pytest.mark.conformance


def test_at_least_97_percent_of_the_single_feel_expressions_give_what_the_tck_expects(conformance):
    expressions = json.loads((conformance / "dmn-tck/feel_expressions.json").read_text())

    folders = {case["dir"] for case in expressions}
    types = {folder: _types_in(conformance / "dmn-tck/TestCases" / folder) for folder in folders}
    passed = sum(_passes(case, types[case["dir"]]) for case in expressions)

    assert passed >= 0.97 * len(expressions), f"{passed} of {len(expressions)}"


@pytest.mark.parametrize(("level", "floor"), [("compliance-level-2", 1.0), ("compliance-level-3", 0.97)])
def test_decisions_give_what_the_tck_expects(conformance, level, floor):
    outcomes = [
        outcome
        for folder in sorted((conformance / "dmn-tck/TestCases" / level).iterdir())
        for outcome in _outcomes_in(folder)
    ]

    assert sum(outcomes) >= floor * len(outcomes), f"{sum(outcomes)} of {len(outcomes)}"


def _types_in(folder: Path) -> Any:
    """What the models that the expressions come from call types."""
    model, _ = read_dmn(next(folder.glob("*.dmn")).read_bytes(), folder.name)
    return model.program.types.instances


def _passes(case: dict[str, Any], types: Any) -> bool:
    inputs = {name: from_json(value) for name, value in case["inputs"].items()}
    expected = from_json(case["expected"])
    try:
        value = evaluated(compile_feel(case["expression"], _names_in(inputs), types))(inputs, NOW)
    except ExpressionError:
        return expected is None
    return same(value, expected)


def _names_in(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {*value, *(name for each in value.values() for name in _names_in(each))}
    return {name for each in value for name in _names_in(each)} if isinstance(value, list) else set()


def _outcomes_in(folder: Path) -> list[bool]:
    outcomes: list[bool] = []
    for file in sorted(folder.glob("*test*.xml")):
        name = etree.parse(str(file)).getroot().findtext("{*}modelName")
        model, _ = read_dmn((folder / name).read_bytes(), name)
        for inputs, results in cases(file):
            for decision, expected in results:
                try:
                    value = decide(model, decision, inputs, NOW).value
                except (ExpressionError, DecisionError):
                    outcomes.append(expected is None)
                else:
                    outcomes.append(same(value, expected))
    return outcomes


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


def cases(file: Path) -> list[tuple[dict[str, Any], list[tuple[str, Any]]]]:
    """(inputs, [(decision, expected value)]) of each case of one file."""
    found = []
    for case in etree.parse(str(file)).getroot().findall("t:testCase", _NS):
        inputs = {node.get("name"): from_xml(node) for node in case.findall("t:inputNode", _NS)}
        results = [
            (node.get("name"), None if (expected := node.find("t:expected", _NS)) is None else from_xml(expected))
            for node in case.findall("t:resultNode", _NS)
        ]
        found.append((inputs, results))
    return found


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
