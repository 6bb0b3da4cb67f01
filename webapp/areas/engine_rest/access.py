"""Who asks: people by Basic, programs by Bearer; never the session of a browser."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict

from flask import current_app, g, request

from engine.model import Person
from engine.tokens import Scope
from webapp import permissions
from webapp.areas.engine_rest.answering import RestError
from webapp.context import the_engine
from webapp.rights import Rights
from webapp.security import LoginBrake

LONGEST = 200  # characters of a name or password: hashing must not be fed megabytes
LARGEST_REQUEST = 16 * 1024 * 1024  # bytes, of those who are known
REMEMBERED_FOR = 60.0  # seconds that a password need not be hashed again: workers ask all the time
MOST_REMEMBERED = 1000


ENOUGH = {
    "deployments": Scope.DEPLOY,
    "definitions": Scope.START,
    "external_tasks": Scope.WORKERS,
    "execution": Scope.WORKERS,
    "tasks": Scope.TASKS,
    "messages": Scope.MESSAGES,
    "instances": Scope.OPERATE,
    "operations": Scope.OPERATE,
}
"""Scopes with which a token may also read what is in their room, without the scope to read everything."""


def require_entry(rights: Rights, room: str) -> None:
    """Raises NotAllowed."""
    is_open = room.startswith("engine_rest")  # the version, and what is not there
    may_enter = is_open or rights.has(Scope.READ) or (room in ENOUGH and rights.has(ENOUGH[room]))
    permissions.require(may_enter, f"{rights.name} may not read this: it takes the scope '{Scope.READ}'.")


def the_rights() -> Rights:
    """Of who asks. Only for views behind `authenticate`."""
    return g.engine_rest_rights


def the_name() -> str:
    return the_rights().name


def authenticate() -> None:
    """Before each view. Raises RestError 401 or 429. The cookie of a session counts for nothing here, so that no page
    of another site can ask for anything in a browser's name."""
    given = request.authorization
    if request.method == "OPTIONS":  # answered by Flask: what methods there are
        return
    if given is not None and given.type == "bearer" and given.token:
        g.engine_rest_rights = _of_token(given.token[:LONGEST])
    elif given is not None and given.type == "basic":
        g.engine_rest_rights = _of_person(given.username or "", given.password or "")
    else:
        message = "Who asks? Give a name and a password (Basic), or a token (Bearer)."
        raise RestError(401, message, "AuthenticationException")
    require_entry(the_rights(), (request.blueprint or "").rpartition(".")[2])
    request.max_content_length = LARGEST_REQUEST
    if any("\0" in value for value in (request.view_args or {}).values()):
        raise RestError(404, "No id has a NUL character.")


def _of_token(secret: str) -> Rights:
    token = the_engine().tokens.authenticate(secret)
    if token is None:
        raise RestError(401, "The token is not known, has expired, or was revoked.", "AuthenticationException")
    if token.person is None:
        return Rights(token.name, scopes=frozenset(token.scopes))
    person = the_engine().people.get(token.person)
    if person is None:
        raise RestError(401, f"The token acts for '{token.person}', who is not there.", "AuthenticationException")
    return Rights(person.name, person, frozenset(token.scopes))


def _of_person(name: str, password: str) -> Rights:
    remembered: Remembered = current_app.extensions["engine_rest_passwords"]
    if remembered.has(name, password):
        person = the_engine().people.get(name)
    else:
        person = _checked(name, password)
        if person is not None:
            remembered.add(name, password)
    if person is None:
        raise RestError(401, "Name and password do not match.", "AuthenticationException")
    return Rights(person.name, person)


def _checked(name: str, password: str) -> Person | None:
    brake: LoginBrake = current_app.extensions["login_brake"]
    keys = (f"name {name[:LONGEST].casefold()}", f"address {request.remote_addr}")
    if wait := brake.wait(*keys):
        raise RestError(429, f"Too many attempts. Try again in {wait} seconds.", "AuthenticationException")
    fits = len(name) <= LONGEST and len(password) <= LONGEST and "\0" not in name
    person = the_engine().people.authenticate(name, password) if fits else None
    if person is None:
        brake.failed(*keys)
    else:
        brake.succeeded(keys[0])
    return person


class Remembered:
    """Names with their passwords that were right a moment ago, as digests under a key of this process.

    In memory: at most *capacity*, the oldest give way. A password that was changed is good for as long as one is
    remembered; a person who was removed is not found any more."""

    def __init__(self, seconds: float = REMEMBERED_FOR, capacity: int = MOST_REMEMBERED) -> None:
        self._seconds = seconds
        self._capacity = capacity
        self._key = secrets.token_bytes(32)
        self._until: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()

    def has(self, name: str, password: str) -> bool:
        with self._lock:
            return self._until.get(self._digest(name, password), 0) > time.monotonic()

    def add(self, name: str, password: str) -> None:
        with self._lock:
            self._until[self._digest(name, password)] = time.monotonic() + self._seconds
            while len(self._until) > self._capacity:
                self._until.popitem(last=False)

    def _digest(self, name: str, password: str) -> bytes:
        text = f"{len(name)} {name} {password}"
        return hmac.digest(self._key, text.encode(errors="surrogatepass"), hashlib.sha256)
