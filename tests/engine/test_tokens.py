"""Tokens of the REST API, and requests that are sent twice."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from engine.clock import VirtualClock
from engine.engine import Engine
from engine.errors import Conflict, InvalidInput, NotFound
from engine.store import tables


def test_a_token_opens_until_it_expires_or_is_revoked(engine: Engine, clock: VirtualClock) -> None:
    _, forever = engine.tokens.add("ci", ["deploy", "read"])
    token, brief = engine.tokens.add("job", lasts=timedelta(days=1))
    assert engine.tokens.authenticate(brief) == token
    assert engine.tokens.authenticate(brief + "x") is None
    clock.advance(timedelta(days=2))
    assert engine.tokens.authenticate(brief) is None
    engine.tokens.revoke("ci")
    assert engine.tokens.authenticate(forever) is None
    with pytest.raises(NotFound):
        engine.tokens.revoke("ci")


def test_only_the_hash_of_a_token_is_kept(engine: Engine) -> None:
    _, secret = engine.tokens.add("ci")
    with engine.store.reading() as connection:
        row = connection.execute(select(tables.api_token)).one()
    assert secret not in str(row)


def test_tokens_that_make_no_sense_are_refused(engine: Engine) -> None:
    engine.tokens.add("ci")
    with pytest.raises(Conflict):
        engine.tokens.add("ci")
    with pytest.raises(NotFound):
        engine.tokens.add("x", person="nobody")
    for wrong in (["everything"], []):
        with pytest.raises(InvalidInput, match="Scopes: read"):
            engine.tokens.add("x", wrong)


def test_a_repeated_request_is_done_once(engine: Engine, models: Path, clock: VirtualClock) -> None:
    engine.deploy(models / "order.bpmn")

    def request(key: str, content: bytes = b"same") -> object:
        def act() -> None:
            engine.start("order")

        return engine.requests.once("ci", key, content, act, lambda live: {"id": live.id})

    assert request("k1") is None
    started = engine.read.instances().items
    assert request("k1").body == {"id": started[0].id}  # pyright: ignore
    assert engine.read.instances().total == 1
    with pytest.raises(InvalidInput, match="another request"):
        request("k1", b"other")
    assert request("k2") is None
    clock.advance(timedelta(days=2))
    engine.requests._swept_at = -1000.0
    assert request("k1") is None
    assert engine.read.instances().total == 3


def test_a_refused_request_may_be_repeated(engine: Engine, models: Path) -> None:
    engine.deploy(models / "order.bpmn")
    with pytest.raises(NotFound):
        engine.requests.once("ci", "k", b"", lambda: engine.cancel("nothing"), lambda _: {})
    assert engine.requests.once("ci", "k", b"", lambda: engine.start("order") and None, lambda _: {}) is None


def test_a_token_cannot_be_called_like_somebody_else(engine: Engine) -> None:
    engine.people.add("ann", "secret")
    for name in ("ann", "system"):
        with pytest.raises(Conflict, match="history"):
            engine.tokens.add(name)
    assert engine.tokens.add("ann", person="ann")[0].person == "ann"
