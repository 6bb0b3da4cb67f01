"""An application over a real engine in memory, with people, and a browser without a screen for each of them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from argon2 import PasswordHasher

import engine.people
from engine import Engine, Resource
from engine.clock import VirtualClock
from webapp import create_app

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LEAVE = Path(__file__).with_name("leave.bpmn")
TICK = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t"
    xmlns:camunda="http://camunda.org/schema/1.0/bpmn">
  <process id="tick" isExecutable="true" camunda:versionTag="1">
    <startEvent id="S"><timerEventDefinition><timeCycle>R/PT1M</timeCycle></timerEventDefinition></startEvent>
    <userTask id="T"/><endEvent id="E"/>
    <sequenceFlow id="a" sourceRef="S" targetRef="T"/><sequenceFlow id="b" sourceRef="T" targetRef="E"/>
    <subProcess id="X" triggeredByEvent="true">
      <startEvent id="XS"><timerEventDefinition><timeDuration>${nothing}</timeDuration></timerEventDefinition>
      </startEvent><endEvent id="XE"/><sequenceFlow id="c" sourceRef="XS" targetRef="XE"/>
    </subProcess>
  </process></definitions>"""


class Visitor:
    """A person at a browser: `get` and `post` follow redirects and keep the last answer."""

    def __init__(self, client):
        self._client = client
        self.answer = None

    def get(self, path, **options):
        self.answer = self._client.get(path, follow_redirects=True, **options)
        return self

    def post(self, path, **fields):
        """Sends a form as the page before offered it, its CSRF token included."""
        fields.setdefault("csrf_token", self.csrf_token())
        self.answer = self._client.post(path, data=fields, follow_redirects=True)
        return self

    def csrf_token(self):
        page = self._client.get("/log-in").text + self._client.get("/").text
        return re.search(r'name="csrf_token" value="([^"]+)"', page)[1]

    def log_in(self, name, password):
        self.post("/log-in", name=name, password=password)
        return self

    @property
    def status(self):
        return self.answer.status_code

    @property
    def path(self):
        return self.answer.request.path

    @property
    def html(self):
        return self.answer.text

    @property
    def text(self):
        """What a reader sees of the page, in one line."""
        visible = re.sub(r"<(script|style|title).*?</\1>|<[^>]*>", " ", self.html, flags=re.DOTALL)
        return " ".join(unescape(visible).split())


@pytest.fixture(autouse=True, scope="session")
def _quick_passwords():
    """Hashing that is slow on purpose is not what these tests are about."""
    slow, engine.people._hasher = engine.people._hasher, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    yield
    engine.people._hasher = slow


@pytest.fixture
def clock():
    return VirtualClock(NOON)


@pytest.fixture
def the_engine(clock):
    with Engine("sqlite://", clock=clock) as one:
        one.people.add("ann", "ann-pw", "Ann Marsh", ["managers"])
        one.people.add("ben", "ben-pw", "Ben Osei", ["office"])
        one.people.add("olga", "olga-pw", "Olga Orlov", ["operators"])
        one.people.add("admin", "admin-pw", "Administrator", is_admin=True)
        yield one


@pytest.fixture
def leave(the_engine):
    """The leave process, deployed; its calendar works."""
    the_engine.handler("book-leave")(lambda job: {"booked": True})
    the_engine.deploy(LEAVE, by="tests")
    return the_engine


@pytest.fixture
def stuck(the_engine, clock):
    """A process whose start timer cannot start it, and has given up."""
    the_engine.deploy(Resource("tick.bpmn", TICK.encode()))
    for _ in range(3):
        clock.advance(timedelta(minutes=2))
        the_engine.work()
    return the_engine


@pytest.fixture
def app(the_engine):
    app = create_app(the_engine, secret_key="only for tests")
    app.testing = True
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return app


@pytest.fixture
def stranger(app):
    return Visitor(app.test_client())


@pytest.fixture
def visitor(app):
    """visitor("ann") is Ann, logged in."""

    def enter(name):
        return Visitor(app.test_client()).log_in(name, f"{name}-pw")

    return enter


@pytest.fixture
def ann(visitor):
    return visitor("ann")


@pytest.fixture
def ben(visitor):
    return visitor("ben")


@pytest.fixture
def admin(visitor):
    return visitor("admin")


@pytest.fixture
def operator(visitor):
    return visitor("olga")
