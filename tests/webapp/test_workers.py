"""The page of workers: who runs jobs, since when, and what each holds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.external.records import Topic
from engine.jobs.presence import Presence
from tests.webapp.api.conftest import ORDER


@pytest.fixture
def held(the_engine):
    """A job that a worker elsewhere holds."""
    the_engine.external.open()
    the_engine.deploy(ORDER)
    the_engine.start("order")
    the_engine.external.fetch_and_lock("w<1>", [Topic("charge")], 1)
    [job] = the_engine.read.held_jobs()
    return job


def test_it_shows_where_each_runs_since_when_and_whether_it_lives(leave, clock, operator):
    silent, living = (Presence(leave.store, name, clock) for name in ("box-1:7:ab", "box-2:9:cd"))
    silent.beat(2)
    clock.advance(timedelta(minutes=5))
    living.beat(4)

    operator.get("/workers/")

    first, second = operator.text.split("Last heard of")[1].split("box-2:9:cd")
    assert "box-1:7:ab" in first
    assert "Silent 5 min ago 5 min ago 2 nothing" in first
    assert "Alive just now just now 4 nothing" in second
    assert "No worker pool is alive" not in operator.text
    assert "No job is under way" in operator.text


def test_without_a_living_worker_it_says_what_to_do(leave, clock, operator):
    assert "No worker was heard of" in operator.get("/workers/").text

    Presence(leave.store, "box-1:7:ab", clock).beat(2)
    clock.advance(timedelta(minutes=5))

    assert (
        "No worker pool is alive: timers and the jobs of handlers wait. Start one with fermata up"
        in operator.get("/workers/").text
    )


def test_it_shows_the_jobs_that_workers_elsewhere_hold_with_a_way_to_them(held, operator):
    operator.get("/workers/")

    assert "w<1> Elsewhere — — — 1 charge" in operator.text
    assert "1 charge Jobs under way Job Worker Attempt Due Lease ends Charge service charge w<1> 1" in operator.text
    assert f'href="/instances/{held.instance_id}/activities/{held.activity_id}"' in operator.html


def test_it_keeps_itself_up_to_date(held, the_engine, clock, operator):
    first = operator.get("/workers/live").answer.json
    assert operator.get(f"/workers/live?seen={first['stamp']}").status == 204

    Presence(the_engine.store, "box-1:7:ab", clock).beat(2)

    again = operator.get(f"/workers/live?seen={first['stamp']}").answer.json
    assert "box-1:7:ab" in again["fragments"]["workers"]


def test_it_is_for_operators_and_administrators(leave, ann, operator, admin, stranger):
    assert 'href="/workers/"' in operator.get("/").html
    assert 'href="/workers/"' in admin.get("/").html
    assert 'href="/workers/"' not in ann.get("/").html
    assert ann.get("/workers/").status == 403
    assert ann.get("/workers/live").status == 403
    assert stranger.get("/workers/").path == "/log-in"
