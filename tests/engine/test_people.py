import pytest

from engine.engine import Engine
from engine.errors import Conflict, InvalidInput, NotFound
from engine.model import Person


def test_a_person_logs_in_with_their_password(engine: Engine) -> None:
    ann = engine.people.add("ann", "secret", "Ann Lee", ["managers", "staff"], is_admin=True)
    assert ann == Person("ann", "Ann Lee", ("managers", "staff"), is_admin=True)
    assert engine.people.authenticate("ann", "secret") == ann
    assert engine.people.get("ann") == ann


@pytest.mark.parametrize(("name", "password"), [("ann", "wrong"), ("bob", "secret"), ("ann", "")])
def test_nobody_else_does(engine: Engine, name: str, password: str) -> None:
    engine.people.add("ann", "secret")
    assert engine.people.authenticate(name, password) is None


def test_a_name_is_taken_once(engine: Engine) -> None:
    engine.people.add("ann", "secret")
    with pytest.raises(Conflict, match="'ann' already"):
        engine.people.add("ann", "other")


@pytest.mark.parametrize(
    ("name", "password", "field"), [("a b", "secret", "name"), ("", "secret", "name"), ("ann", "x", "password")]
)
def test_what_does_not_fit_is_refused_by_field(engine: Engine, name: str, password: str, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        engine.people.add(name, password)
    assert list(refused.value.fields) == [field]


def test_a_password_can_be_changed(engine: Engine) -> None:
    engine.people.add("ann", "secret")
    engine.people.set_password("ann", "better")
    assert engine.people.authenticate("ann", "secret") is None
    assert engine.people.authenticate("ann", "better") is not None
    with pytest.raises(NotFound):
        engine.people.set_password("bob", "better")


def test_who_is_removed_cannot_log_in_and_others_can(engine: Engine) -> None:
    for name in ("zoe", "ann"):
        engine.people.add(name, "secret")
    engine.people.remove("ann")
    assert engine.people.authenticate("ann", "secret") is None
    assert engine.people.authenticate("zoe", "secret") is not None
    with pytest.raises(NotFound):
        engine.people.remove("ann")


def test_people_are_listed_by_name(engine: Engine) -> None:
    for name in ("zoe", "ann"):
        engine.people.add(name, "secret")
    assert [person.name for person in engine.people.list()] == ["ann", "zoe"]


def test_passwords_are_not_kept(engine: Engine) -> None:
    from sqlalchemy import select

    from engine.store.tables import person

    engine.people.add("ann", "secret")
    with engine.store.reading() as connection:
        kept = connection.execute(select(person.c.password_hash)).scalar_one()
    assert kept.startswith("$argon2id$")
    assert "secret" not in kept


@pytest.mark.parametrize("name", ["system", "timer", "System"])
def test_nobody_has_a_name_that_history_gives_to_what_no_person_did(engine: Engine, name: str) -> None:
    with pytest.raises(InvalidInput, match="Choose another name") as refused:
        engine.people.add(name, "secret")
    assert list(refused.value.fields) == ["name"]
    assert engine.people.list() == []
