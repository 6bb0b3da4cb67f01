"""Pages that keep themselves up to date: a request is held until there is something new to show."""

import re
import threading
from contextlib import contextmanager

import pytest

from engine.errors import DatabaseAway
from webapp import live

LONG = 120


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    """Only news end a wait."""
    monkeypatch.setattr(live, "LONGEST", LONG)
    monkeypatch.setattr(live, "LOOK", LONG)
    monkeypatch.setattr(live, "GATHER", 0)


@pytest.fixture
def held(app, leave, ann, monkeypatch):
    """Ann's task list in a thread, once its request waits."""
    seen = re.search(r'data-live-stamp="(\w+)"', ann.get("/tasks/?scope=groups").html)[1]
    waits = threading.Event()
    bell = app.extensions["fermata_news"]
    wait = bell.wait
    monkeypatch.setattr(bell, "wait", lambda since, seconds: (waits.set(), wait(since, seconds)))
    request = threading.Thread(target=ann.get, args=(f"/tasks/live?scope=groups&seen={seen}&wait={LONG}",))
    request.start()
    assert waits.wait(LONG)
    return request


def test_a_held_request_is_answered_when_something_is_committed(held, leave, ann):
    leave.start("leave", variables={"days": 3}, by="ben")
    held.join(LONG)
    assert ann.status == 200


def test_a_held_request_is_answered_when_the_server_stops(held, app, ann):
    live.release(app)
    held.join(LONG)
    assert ann.status == 204


@pytest.mark.parametrize("wait", ["", "0", "-1", "soon", "nan", "inf"])
def test_who_does_not_ask_to_wait_is_answered_at_once(app, leave, ann, wait):
    seen = re.search(r'data-live-stamp="(\w+)"', ann.get("/tasks/").html)[1]
    live.release(app)
    assert ann.get(f"/tasks/live?seen={seen}&wait={wait}").status == 204


def test_more_pages_than_seats_are_answered_at_once(app, leave, ann):
    seen = re.search(r'data-live-stamp="(\w+)"', ann.get("/tasks/").html)[1]
    app.extensions["fermata_news"].seats = 0
    assert ann.get(f"/tasks/live?seen={seen}&wait={LONG}").status == 204


def test_a_database_that_is_away_is_said_without_its_address(the_engine, ann, monkeypatch):
    @contextmanager
    def away():
        raise DatabaseAway("connection to server at db.example.org failed")
        yield

    monkeypatch.setattr(the_engine.store, "reading", away)
    ann.get("/tasks/")
    assert (ann.status, ann.answer.headers["Retry-After"]) == (503, "5")
    assert "The database cannot be reached" in ann.text
    assert "example.org" not in ann.html
