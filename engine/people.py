"""Who can log in. Passwords are kept as argon2id hashes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from engine.errors import Conflict, InvalidInput, NotFound
from engine.model import Person
from engine.store import people
from engine.store.transaction import Store

_NAME = re.compile(r"[\w.@+-]{1,100}")
_SHORTEST_PASSWORD = 4
RESERVED = ("system", "timer")
"""Whom history names where nobody acted."""

_hasher = PasswordHasher()


class People:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._decoy: str | None = None

    def add(
        self,
        name: str,
        password: str,
        display_name: str = "",
        groups: Iterable[str] = (),
        is_admin: bool = False,
    ) -> Person:
        """Raises InvalidInput with its fields; Conflict when the name is taken."""
        _check(name, password)
        if name.lower() in RESERVED:
            taken = f"'{name}' stands in the history for what no person did"
            raise InvalidInput(f"name: {taken}. Choose another name.", {"name": taken})
        person = Person(name, display_name or name, tuple(dict.fromkeys(groups)), is_admin)
        hashed = _hasher.hash(password)
        with self._store.writing() as connection:
            if not people.insert(connection, person, hashed):
                raise Conflict(f"There is somebody called '{name}' already. Choose another name.")
        return person

    def authenticate(self, name: str, password: str) -> Person | None:
        """The person, if the password is theirs. Takes as long where there is no such person."""
        with self._store.reading() as connection:
            found = people.find(connection, name)
        if found is None:
            self._decoy = self._decoy or _hasher.hash("nobody")
            _matches(self._decoy, password)
            return None
        person, hashed = found
        return person if _matches(hashed, password) else None

    def set_password(self, name: str, password: str) -> None:
        """Raises NotFound, InvalidInput."""
        _check(name, password)
        with self._store.writing() as connection:
            if not people.set_password(connection, name, _hasher.hash(password)):
                raise NotFound(f"There is nobody called '{name}'.")

    def remove(self, name: str) -> None:
        """Ends their sessions and tokens, too; what they did and what is assigned to them keeps their name.

        Raises NotFound.
        """
        with self._store.writing() as connection:
            if not people.remove(connection, name):
                raise NotFound(f"There is nobody called '{name}'.")

    def get(self, name: str) -> Person | None:
        with self._store.reading() as connection:
            found = people.find(connection, name)
        return found[0] if found else None

    def list(self) -> list[Person]:
        with self._store.reading() as connection:
            return people.everybody(connection)


def _matches(hashed: str, password: str) -> bool:
    try:
        return _hasher.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def _check(name: str, password: str) -> None:
    wrong: dict[str, str] = {}
    if not _NAME.fullmatch(name):
        wrong["name"] = "1 to 100 letters, digits or . @ + - _"
    if not _SHORTEST_PASSWORD <= len(password) <= 1024:
        wrong["password"] = f"{_SHORTEST_PASSWORD} to 1024 characters"
    if wrong:
        raise InvalidInput("; ".join(f"{field}: {what}" for field, what in wrong.items()) + ".", wrong)
