import pytest

from webapp.security import LoginBrake


class Seconds:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def seconds():
    return Seconds()


@pytest.fixture
def brake(seconds):
    return LoginBrake(limit=3, window=60, capacity=5, clock=seconds)


def test_a_few_slips_are_free(brake):
    brake.failed("ann")
    brake.failed("ann")

    assert brake.wait("ann") == 0


def test_guessing_has_to_wait_until_the_first_guess_is_old(brake, seconds):
    for at in (0, 10, 20):
        seconds.now = at
        brake.failed("ann")

    assert brake.wait("ann") == 40
    seconds.now = 61
    assert brake.wait("ann") == 0


def test_who_shares_nothing_with_the_guesser_is_let_in(brake):
    for _ in range(3):
        brake.failed("ann", "10.0.0.1")

    assert brake.wait("ben", "10.0.0.2") == 0
    assert brake.wait("ben", "10.0.0.1") > 0


def test_success_forgets_the_slips(brake):
    for _ in range(2):
        brake.failed("ann")
    brake.succeeded("ann")
    brake.failed("ann")

    assert brake.wait("ann") == 0


def test_the_memory_of_failures_is_bounded(brake):
    for number in range(1000):
        brake.failed(f"name {number}")

    assert len(brake._failures) == 5
