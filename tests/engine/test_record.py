from __future__ import annotations

import pytest

from engine.record import record


@record
class Place:
    instance_id: str
    activity_id: int = 0


@record(kw_only=True)
class Named:
    name: str


@record(kw_only=True)
class Described(Named):
    text: str = ""


def test_records_are_compared_by_their_values() -> None:
    assert Place("a", 1) == Place("a", 1) != Place("a", 2)
    assert len({Place("a"), Place("a", 0), Place("b")}) == 2


def test_a_record_takes_no_other_attribute() -> None:
    with pytest.raises(AttributeError):
        Place("a").element_id = "Charge"  # type: ignore[attr-defined]


def test_a_record_may_extend_another() -> None:
    described = Described(name="order")

    assert (described.name, described.text) == ("order", "")
    with pytest.raises(TypeError):
        Described("order")  # type: ignore[misc]
