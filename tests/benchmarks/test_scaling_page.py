"""docs/scaling.md says what was measured and simulated, not what it said before."""

from __future__ import annotations

import re
from dataclasses import replace

from tests.benchmarks.capacity import Load, Plan, Server
from tests.benchmarks.scaling_page import limits_met, simulated, wrapped
from tests.benchmarks.scaling_text import LIMITS
from tests.benchmarks.test_capacity import COSTS

BRIEF = Plan(kept_days=2)


def test_limits_stand_in_the_order_in_which_they_are_met():
    found = re.findall(r"([\d,]+) a day: (.+?)\.\*\*", limits_met(COSTS, Server(), BRIEF, Load(0)))
    slow = replace(COSTS, running=replace(COSTS.running, server_seconds=5))
    of_slow = re.findall(r"a day: (.+?)\.\*\*", limits_met(slow, Server(), BRIEF, Load(0)))

    assert {name for _, name in found} == set(LIMITS)
    assert [int(most.replace(",", "")) for most, _ in found] == sorted(int(most.replace(",", "")) for most, _ in found)
    assert found[0][1] != "processor"
    assert of_slow[0] == "processor"


def test_a_load_that_cannot_be_carried_is_said_to_be_so():
    lines = simulated(COSTS, Server(disk_bytes=1e9), BRIEF, Load(0)).splitlines()[2:]
    assert lines[0].endswith("| yes |")
    assert "**no**: " in lines[-1]
    assert "disk" in lines[-1]


def test_paragraphs_are_wrapped_and_tables_are_not():
    text = wrapped(f"# Head\n\n{'word ' * 60}\n\n- {'point ' * 40}\n\n| {'cell ' * 60}|\n| b |")
    long = [line for line in text.splitlines() if len(line) > 120]
    assert [line[:6] for line in long] == ["| cell"]
    assert "\n  point" in text
