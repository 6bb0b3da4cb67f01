"""People and the hashes of their passwords."""

from __future__ import annotations

import orjson
from sqlalchemy import Connection, delete, select, update

from engine.model import Person
from engine.store.tables import person
from engine.store.values import insert_missing


def insert(connection: Connection, one: Person, password_hash: str) -> bool:
    """False when the name is taken."""
    if find(connection, one.name) is not None:
        return False
    row = {
        "name": one.name,
        "display_name": one.display_name,
        "password_hash": password_hash,
        "groups": orjson.dumps(one.groups).decode(),
        "is_admin": one.is_admin,
    }
    insert_missing(connection, person, [row])
    return True


def find(connection: Connection, name: str) -> tuple[Person, str] | None:
    row = connection.execute(select(person).where(person.c.name == name)).first()
    if row is None:
        return None
    return Person(row.name, row.display_name, tuple(orjson.loads(row.groups)), row.is_admin), row.password_hash


def set_password(connection: Connection, name: str, password_hash: str) -> bool:
    change = update(person).where(person.c.name == name).values(password_hash=password_hash)
    return connection.execute(change).rowcount == 1


def remove(connection: Connection, name: str) -> bool:
    return connection.execute(delete(person).where(person.c.name == name)).rowcount == 1


def everybody(connection: Connection) -> list[Person]:
    rows = connection.execute(select(person).order_by(person.c.name))
    return [Person(row.name, row.display_name, tuple(orjson.loads(row.groups)), row.is_admin) for row in rows]
