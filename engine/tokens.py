"""Tokens by which programs use the REST API. A token is shown once, where it is made; its SHA-256 hash is kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.clock import Clock, new_id
from engine.errors import Conflict, InvalidInput, NotFound
from engine.people import RESERVED
from engine.scopes import Scope as Scope
from engine.store import tokens
from engine.store.codec import check_key
from engine.store.people import find as find_person
from engine.store.transaction import Store

PREFIX = "fermata_"
"""By which scanners for leaked secrets find them."""
_NOTE_EVERY = timedelta(minutes=1)
"""How exactly it is known when a token was last used."""


@dataclass(frozen=True, slots=True)
class Token:
    """*person*: whose powers it has, None for a program with its own name; *scopes*: what it may be used for."""

    id: str
    name: str
    person: str | None
    scopes: tuple[Scope, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_valid_at(self, moment: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or moment < self.expires_at)


class Tokens:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def add(
        self,
        name: str,
        scopes: Iterable[str] = tuple(Scope),
        *,
        person: str | None = None,
        lasts: timedelta | None = None,
        by: str = "system",
    ) -> tuple[Token, str]:
        """A new token and its secret, which nobody can be told again. *lasts*: None for ever.

        Raises InvalidInput, NotFound (no such person), Conflict (a token in use has that name).
        """
        check_key(name, "token's name")
        now = self._clock.now()
        if lasts is not None and lasts <= timedelta():
            raise InvalidInput(f"A token cannot last for {lasts}.")
        wanted = tuple(_scope(each) for each in dict.fromkeys(scopes))
        if not wanted:
            raise InvalidInput(f"A token without scopes may do nothing. Scopes: {', '.join(Scope)}.")
        expires_at = now + lasts if lasts is not None else None
        token = Token(new_id(now), name, person, wanted, now, by, expires_at)
        secret = PREFIX + secrets.token_urlsafe(32)
        with self._store.writing() as connection:
            if name in RESERVED or (name != person and find_person(connection, name) is not None):
                raise Conflict(f"'{name}' is somebody else in the history. Choose another name.")
            if person is not None and find_person(connection, person) is None:
                raise NotFound(f"There is nobody called '{person}'.")
            if any(each.name == name and each.is_valid_at(now) for each in tokens.everything(connection)):
                raise Conflict(f"There is a token '{name}' already. Revoke it, or choose another name.")
            tokens.insert(connection, token, _hash(secret))
        return token, secret

    def authenticate(self, secret: str) -> Token | None:
        """The token of a *secret*; None where there is none, or none that is valid any more."""
        now = self._clock.now()
        with self._store.reading() as connection:
            token = tokens.find(connection, _hash(secret))
        if token is None or not token.is_valid_at(now):
            return None
        if token.last_used_at is None or now - token.last_used_at > _NOTE_EVERY:
            with self._store.writing() as connection:
                tokens.note_use(connection, token.id, now)
        return token

    def list(self) -> list[Token]:
        """By name, those that are no longer valid too."""
        with self._store.reading() as connection:
            return tokens.everything(connection)

    def revoke(self, name_or_id: str) -> None:
        """From now on it opens nothing. Raises NotFound."""
        with self._store.writing() as connection:
            if not tokens.revoke(connection, name_or_id, self._clock.now()):
                raise NotFound(f"There is no token '{name_or_id}' in use. 'fermata tokens list' shows them.")


def _hash(secret: str) -> str:
    """It has 256 random bits: nothing is gained by a slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _scope(text: str) -> Scope:
    try:
        return Scope(text)
    except ValueError:
        raise InvalidInput(f"'{text}' is no scope. Scopes: {', '.join(Scope)}.") from None
