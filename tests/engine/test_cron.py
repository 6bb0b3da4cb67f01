"""Cron lines as the editors' engines read them: Unix's, Spring's (Camunda 8) and Quartz's (Camunda 7)."""

import pytest

from engine.cron import CronError, read_cron


@pytest.mark.parametrize(
    ("line", "sunday", "expected"),
    [
        ("0 9 * * 1-5", 1, "0 9 * * 1-5"),
        ("0 0/5 * * * ?", 1, "0 0/5 * * * *"),
        ("0 0 9 ? * 2-6", 1, "0 0 9 * * 1-5"),
        ("0 0 9 ? * 2-6", 0, "0 0 9 * * 2-6"),
        ("0 0 9 ? * 6#3", 1, "0 0 9 * * 5#3"),
        ("0 0 9 ? * FRIL", 1, "0 0 9 * * 5L"),
        ("0 0 9 ? * fri-mon", 0, "0 0 9 * * 5,6,0,1"),
        ("0 0 22-2 * * *", 0, "0 0 22,23,0,1,2 * * *"),
        ("0 15 10 ? * * *", 1, "0 15 10 * * *"),
        ("@weekly", 1, "0 0 0 * * 0"),
    ],
)
def test_a_line_means_what_its_own_engine_takes_it_for(line, sunday, expected):
    assert read_cron(line, sunday) == expected


@pytest.mark.parametrize("line", ["soon", "0 15 10 ? * * 2030", "0 0 9 13 * FRI", "0 0 9 15W * ?", "0 0 25 * * ?"])
def test_a_line_that_cannot_be_kept_to_is_refused(line):
    with pytest.raises(CronError):
        read_cron(line)
