"""Finding records by conditions, on every database."""

from datetime import timedelta

import pytest

from engine.errors import InvalidInput
from engine.searching import MOST, Condition, Operator, Search
from engine.store.searching import KINDS


@pytest.fixture
def filled(engine, models):
    engine.deploy(models.parent / "webapp" / "leave.bpmn", name="first")
    for number, key in ((1, "A-1"), (2, "A_2"), (3, "B%3")):
        engine.start("leave", business_key=key, variables={"days": number, "city": f'R"{key}'})
    return engine


def keys(engine, *conditions, **options):
    search = Search(tuple(Condition(*condition) for condition in conditions), **options)
    return [each.business_key for each in engine.find.instances(search)]


def test_every_field_can_be_asked_for_and_ordered_by(filled):
    for kind, field in ((name, field) for name in KINDS for field in KINDS[name].fields):
        search = Search((Condition(field, True, Operator.EXISTS),), ((field, True),))
        found = getattr(filled.find, kind)(search)
        assert len(found) == filled.find.count(kind, *search.conditions)


def test_conditions_are_compared_as_their_operators_say(filled, clock):
    start, later = clock.now(), clock.now() + timedelta(seconds=1)

    assert keys(filled, ("business_key", "A-1")) == ["A-1"]
    assert keys(filled, ("business_key", "A-1", Operator.UNEQUAL), ("business_key", "A_2", Operator.UNEQUAL)) == ["B%3"]
    assert keys(filled, ("business_key", ["A-1", "B%3"], Operator.ONE_OF)) == ["A-1", "B%3"]
    assert keys(filled, ("business_key", [], Operator.ONE_OF)) == []
    assert keys(filled, ("business_key", ["A-1", "B%3"], Operator.NONE_OF)) == ["A_2"]
    assert keys(filled, ("business_key", "A%", Operator.LIKE)) == ["A-1", "A_2"]
    assert keys(filled, ("business_key", "A%\\", Operator.LIKE)) == []
    assert keys(filled, ("started_at", start, Operator.LESS)) == []
    assert len(keys(filled, ("started_at", later, Operator.LESS_OR_EQUAL))) == 3
    assert keys(filled, ("started_at", start, Operator.GREATER)) == []
    assert len(keys(filled, ("version", 1, Operator.GREATER_OR_EQUAL))) == 3


def test_variables_are_compared_by_value(filled):
    assert keys(filled, ("variable:days", 2)) == keys(filled, ("variable:days", 2.0)) == ["A_2"]
    assert keys(filled, ("variable:days", True)) == []
    assert keys(filled, ("variable:city", 'R"A-1')) == ["A-1"]
    assert keys(filled, ("variable:city", 'R"A%', Operator.LIKE)) == ["A-1", "A_2"]
    assert keys(filled, ("variable:days", 2, Operator.UNEQUAL)) == ["A-1", "B%3"]
    with pytest.raises(InvalidInput, match="cannot be searched by '>'"):
        keys(filled, ("variable:days", 2, Operator.GREATER))


def test_order_and_pages(filled):
    assert keys(filled, order=(("business_key", True),), limit=2) == ["B%3", "A_2"]
    assert keys(filled, order=(("business_key", True),), limit=2, offset=2) == ["A-1"]
    assert keys(filled, limit=0) == []


def test_tasks_are_found_by_whom_they_wait_for(filled):
    tasks = filled.find.tasks(Search((Condition("visible_to", ("ben", ("managers",))),)))

    assert len(tasks) == filled.find.count("tasks", Condition("candidate_group", "managers")) == 3
    assert filled.find.count("tasks", Condition("visible_to", ("ben", ("office",)))) == 0
    filled.assign(tasks[0].item.id, "ben")
    assert filled.find.count("tasks", Condition("visible_to", ("ben", ()))) == 1


def test_activities_are_found_by_their_places_in_definitions(filled):
    element_id = filled.find.activities(Search())[0].item.element_id

    def found(places):
        return filled.find.count("activities", Condition("places", places))

    assert found({"leave:1": [element_id], "leave:2": ["other"], "leave:3": []}) == 3
    assert found({"leave:2": [element_id]}) == found({"leave:1": []}) == found({}) == 0


def test_what_is_newest_is_known(filled):
    assert filled.find.count("definitions", Condition("is_latest", True)) == 1
    assert filled.find.count("definitions", Condition("is_latest", False)) == 0
    assert [each.name for each in filled.find.deployments(Search())] == ["first"]


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(InvalidInput, match="NUL"):
        Condition("name", "a\0b")
    with pytest.raises(InvalidInput, match="NUL"):
        Condition("name", ["a\0b"], Operator.ONE_OF)
    with pytest.raises(InvalidInput, match="up to"):
        Search(limit=MOST + 1)


def test_a_field_that_there_is_not_is_told_with_those_there_are(engine):
    with pytest.raises(InvalidInput, match=r"'colour' is no field.*started_at"):
        engine.find.instances(Search((Condition("colour", "red"),)))
