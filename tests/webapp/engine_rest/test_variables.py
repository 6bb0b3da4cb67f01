import base64
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from engine.errors import InvalidInput
from webapp.areas.engine_rest.variables import content_of, read_json, typed, untyped, untyped_all

NOON = datetime(2026, 3, 2, 12, 0, 0, 123_456, tzinfo=UTC)
FILE = {"filename": "a.txt", "mimetype": "text/plain", "encoding": "utf-8", "content": b"hello"}


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        (None, "Null", None),
        (True, "Boolean", True),
        (2**31 - 1, "Integer", 2**31 - 1),
        (2**31, "Long", 2**31),
        (-(2**63), "Long", -(2**63)),
        (2**63, "Json", "9223372036854775808"),
        (2.5, "Double", 2.5),
        (float("nan"), "Double", "nan"),
        (Decimal("2.50"), "Double", 2.5),
        ("täxt", "String", "täxt"),
        (NOON, "Date", "2026-03-02T12:00:00.123+0000"),
        (NOON.astimezone(timezone(timedelta(hours=-3))), "Date", "2026-03-02T09:00:00.123-0300"),
        (date(2026, 3, 2), "Date", "2026-03-02T00:00:00.000+0000"),
        (timedelta(hours=1, milliseconds=500), "String", "PT3600.5S"),
        (b"\x00\xff", "Bytes", "AP8="),
        (["tea", {"at": NOON}], "Json", '["tea", {"at": "2026-03-02T12:00:00.123+0000"}]'),
    ],
)
def test_our_values_have_types_of_camunda(value, kind, shown):
    told = typed(value, is_deserialized=False)

    assert (told["type"], told["value"]) == (kind, shown)


def test_structures_are_deserialized_where_that_is_asked_for():
    told = typed({"a": [1]}, is_deserialized=True)

    assert (told["type"], told["value"]) == ("Object", {"a": [1]})
    assert told["valueInfo"] == {
        "objectTypeName": "java.util.LinkedHashMap",
        "serializationDataFormat": "application/json",
    }


def test_a_file_is_told_without_its_content():
    about = {"filename": "a.txt", "mimeType": "text/plain", "encoding": "utf-8"}

    assert typed(FILE, is_deserialized=True) == {"type": "File", "value": None, "valueInfo": about}
    assert content_of(FILE) == (b"hello", "text/plain", "a.txt")


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ({"value": 3}, 3),
        ({"value": {"a": [1]}}, {"a": [1]}),
        ({"value": "x", "type": "String"}, "x"),
        ({"value": None, "type": "String"}, None),
        ({"value": "3", "type": "integer"}, 3),
        ({"value": 2**40, "type": "Long"}, 2**40),
        ({"value": 3, "type": "Double"}, 3.0),
        ({"value": "true", "type": "Boolean"}, True),
        ({"value": "2026-03-02T12:00:00.123+0000", "type": "Date"}, NOON.replace(microsecond=123_000)),
        ({"value": "2026-03-02T12:00:00", "type": "date"}, datetime(2026, 3, 2, 12, tzinfo=UTC)),
        ({"value": '{"a": 9223372036854775808}', "type": "Json"}, {"a": 2**63}),
        ({"value": "[1]", "type": "Object", "valueInfo": {"serializationDataFormat": "application/json"}}, [1]),
        ({"value": None, "type": "Null"}, None),
        ({"value": "AP8=", "type": "Bytes"}, b"\x00\xff"),
        (
            {
                "value": base64.b64encode(b"hello").decode(),
                "type": "file",
                "valueInfo": {"filename": "a.txt", "mimetype": "text/plain", "encoding": "utf-8"},
            },
            FILE,
        ),
    ],
)
def test_typed_variables_become_our_values(entry, value):
    found = untyped("it", entry)

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "entry",
    [
        "bare",
        {"value": 3, "type": "String"},
        {"value": "x", "type": "Integer"},
        {"value": 2**31, "type": "Integer"},
        {"value": True, "type": "Integer"},
        {"value": "9" * 5000, "type": "Long"},
        {"value": "maybe", "type": "Boolean"},
        {"value": "yesterday", "type": "Date"},
        {"value": "{", "type": "Json"},
        {"value": "[" * 100_000, "type": "Json"},
        {"value": "NaN", "type": "Json"},
        {"value": "[1e400]", "type": "Json"},
        {"value": "???", "type": "Bytes"},
        {"value": "AP8=", "type": "File"},
        {
            "value": "rO0AB",
            "type": "Object",
            "valueInfo": {"serializationDataFormat": "application/x-java-serialized-object"},
        },
        {"value": 1, "type": "Mystery"},
        {"value": 1, "type": ["Integer"]},
        {"value": 1, "type": "Null"},
    ],
)
def test_what_does_not_fit_its_type_is_refused_by_name(entry):
    with pytest.raises(InvalidInput, match="'it'"):
        untyped("it", entry)


def test_variables_are_an_object():
    assert untyped_all(None) == {}
    with pytest.raises(InvalidInput, match="must be an object"):
        untyped_all([1])


def test_json_that_is_nested_too_deeply_is_no_json():
    with pytest.raises(ValueError, match="deep"):
        read_json("[" * 200_000)
