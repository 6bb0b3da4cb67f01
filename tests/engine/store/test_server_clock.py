"""The time that machines have in common: the database server's, asked for now and then, and gone on with in between."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest

from engine.clock import SystemClock, VirtualClock
from engine.engine import Engine
from engine.errors import DatabaseAway, EngineError
from engine.store.faults import TooSlow
from engine.store.server_clock import AGAIN_AFTER, PACE, SLOWED, Answer, ServerClock

ROOT = Path(__file__).resolve().parents[3]
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC).timestamp()
LONG = 120.0
CLOCKS = {"sqlite": SystemClock, "postgresql": ServerClock}


class Server:
    """Its time is that of the ticks, *ahead* of them by so much since noon; answers come at once, or not at all."""

    def __init__(self) -> None:
        self.ticks = 1000.0
        self.ahead = 0.0
        self.doubt = 0.0
        self.problem: EngineError | None = None
        self.asked = 0

    def ask(self, ticks: Callable[[], float]) -> Answer:
        self.asked += 1
        if self.problem is not None:
            raise self.problem
        return Answer(NOON - 1000.0 + self.ahead, self.doubt)

    def wait(self, seconds: float) -> None:
        self.ticks += seconds


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def clock(server: Server) -> Iterator[ServerClock]:
    clock = ServerClock(server.ask, ticks=lambda: server.ticks, machine=lambda: datetime(2026, 1, 5, 14, tzinfo=UTC))
    yield clock
    clock.close()


def seconds(clock: ServerClock) -> float:
    """Since noon."""
    return clock.now().timestamp() - NOON


def corrected(clock: ServerClock, server: Server) -> None:
    """The last answer is old, somebody wants the time, and the next answer has come."""
    server.wait(AGAIN_AFTER)
    clock.now()
    assert clock._asking is not None
    clock._asking.join()


def test_the_time_is_the_servers_and_goes_on_by_the_ticks(clock: ServerClock, server: Server) -> None:
    assert seconds(clock) == 0
    server.wait(9.5)
    assert seconds(clock) == 9.5
    assert clock.now().tzinfo is UTC


def test_the_server_is_asked_once_for_very_many_looks(clock: ServerClock, server: Server) -> None:
    for _ in range(10_000):
        clock.now()
    assert server.asked == 1


def test_it_is_asked_again_beside_who_wants_the_time(server: Server) -> None:
    may_answer = Event()

    def ask(ticks: Callable[[], float]) -> Answer:
        if server.asked:
            assert may_answer.wait(LONG)
        return server.ask(ticks)

    clock = ServerClock(ask, ticks=lambda: server.ticks)
    clock.now()
    server.wait(AGAIN_AFTER)
    server.ahead = 3
    assert seconds(clock) == seconds(clock) == AGAIN_AFTER
    may_answer.set()
    clock.close()
    assert seconds(clock) == AGAIN_AFTER + 3
    assert server.asked == 2


def test_who_is_behind_is_corrected_at_once(clock: ServerClock, server: Server) -> None:
    clock.now()
    server.ahead = 3600
    corrected(clock, server)
    assert seconds(clock) == AGAIN_AFTER + 3600


def test_who_is_ahead_waits_for_the_server_without_going_back(clock: ServerClock, server: Server) -> None:
    clock.now()
    server.ahead = -4
    corrected(clock, server)
    assert seconds(clock) == pytest.approx(AGAIN_AFTER, abs=1e-5)
    server.wait(2)
    assert seconds(clock) == pytest.approx(AGAIN_AFTER + 2 * PACE, abs=1e-5)
    server.wait(6)
    assert seconds(clock) == pytest.approx(AGAIN_AFTER + 8 - 4, abs=1e-5)
    server.wait(1)
    assert seconds(clock) == pytest.approx(AGAIN_AFTER + 9 - 4, abs=1e-5)


def test_a_further_correction_while_it_waits_goes_not_back_either(clock: ServerClock, server: Server) -> None:
    clock.now()
    seen = [seconds(clock)]
    for server.ahead in (-9, -12, -11, -20):
        corrected(clock, server)
        for _ in range(40):
            seen.append(seconds(clock))
            server.wait(0.1)
    assert seen == sorted(seen)
    server.wait(2 * SLOWED)
    corrected(clock, server)
    assert seconds(clock) == pytest.approx(server.ticks - 1000 - 20)


def test_no_thread_sees_the_time_go_back(server: Server) -> None:
    clock = ServerClock(server.ask)
    clock.now()
    went_back: list[float] = []
    is_over = Event()

    def look() -> None:
        last = clock.now()
        while not is_over.is_set():
            now = clock.now()
            if now < last:
                went_back.append((last - now).total_seconds())
            last = now

    threads = [Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        server.ahead -= 0.01
        clock._correct()
    is_over.set()
    for thread in threads:
        thread.join()
    assert went_back == []


def test_a_correction_in_the_middle_of_a_look_lets_no_later_one_see_less(server: Server) -> None:
    meanwhile: list[Callable[[], None]] = []

    def ticks() -> float:
        if meanwhile:
            meanwhile.pop()()
            server.wait(2)
        return server.ticks

    clock = ServerClock(server.ask, ticks=ticks)
    clock.now()
    server.ahead = -4
    meanwhile.append(clock._correct)
    seen = [seconds(clock), seconds(clock)]
    assert server.asked == 2
    assert seen == sorted(seen)


def test_a_server_whose_clock_was_put_back_is_followed_at_once(
    clock: ServerClock, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    clock.now()
    server.ahead = -3600
    corrected(clock, server)
    assert seconds(clock) == AGAIN_AFTER - 3600
    assert "the database server's clock was moved" in caplog.text


def test_what_the_way_to_the_server_leaves_open_is_no_difference(clock: ServerClock, server: Server) -> None:
    clock.now()
    server.ahead, server.doubt = 0.4, 0.5
    corrected(clock, server)
    assert seconds(clock) == AGAIN_AFTER


def test_there_is_no_time_before_the_server_has_told_it(clock: ServerClock, server: Server) -> None:
    server.problem = DatabaseAway("away")
    with pytest.raises(DatabaseAway):
        clock.now()
    server.problem = None
    assert seconds(clock) == 0


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("problem", [DatabaseAway("away"), TooSlow()])
def test_a_server_that_does_not_answer_later_is_not_needed(
    clock: ServerClock, server: Server, problem: EngineError
) -> None:
    clock.now()
    server.problem = problem
    corrected(clock, server)
    assert seconds(clock) == AGAIN_AFTER
    server.problem, server.ahead = None, 1
    corrected(clock, server)
    assert seconds(clock) == 2 * AGAIN_AFTER + 1


def test_a_machine_whose_own_clock_is_wrong_is_told_of_once(
    clock: ServerClock, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "engine.store")
    clock.now()
    corrected(clock, server)
    assert clock.machine_ahead() == 7200 - AGAIN_AFTER
    assert [(each.levelname, each.__dict__["seconds_ahead"]) for each in caplog.records] == [("WARNING", 7200.0)]
    server.ahead = 7200 - 2 * AGAIN_AFTER
    corrected(clock, server)
    assert [each.levelname for each in caplog.records][-1] == "INFO"


def test_a_machine_that_stands_still_while_the_clocks_are_compared_is_not_wrong(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    def machine() -> datetime:
        told = datetime.fromtimestamp(NOON + server.ticks - 1000, UTC)
        server.wait(9)
        return told

    clock = ServerClock(server.ask, ticks=lambda: server.ticks, machine=machine)
    assert clock.machine_ahead() == 0
    assert caplog.messages == []


def test_one_machine_goes_by_its_own_clock_and_several_by_the_servers(database_url: str) -> None:
    with Engine(database_url) as engine:
        assert type(engine.clock) is CLOCKS[database_url.partition("+")[0].partition(":")[0]]
        assert abs(engine.clock.now() - datetime.now(UTC)) < timedelta(seconds=LONG)
        assert abs(engine.own_clock.machine_ahead()) < LONG


def test_a_clock_that_the_application_gives_stays(database_url: str) -> None:
    clock = VirtualClock(datetime(2030, 1, 1, tzinfo=UTC))
    with Engine(database_url, clock=clock) as engine:
        assert engine.clock is clock


def test_nothing_else_reads_the_clock_of_the_machine() -> None:
    reads = re.compile(r"datetime\.now\(|time\.time\(|\.utcnow\(|date\.today\(|datetime\.today\(|time_ns\(")
    found = [
        str(path.relative_to(ROOT))
        for package in ("engine", "webapp")
        for path in (ROOT / package).rglob("*.py")
        if reads.search(path.read_text(encoding="utf-8"))
    ]
    assert found == ["engine/clock.py"]
