"""What holds for every process, however it is drawn, and against a second opinion (`oracle`)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from drawing import CHOICE, block_structured, joined_at_random, told, unstructured
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from oracle import Oracle
from playing import Run
from story import no_decision

from bpmn.model import Expression, Process
from engine import events
from engine.evaluation import services
from engine.interpreter import Services

EVERY_TIME_THE_SAME = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
CHOICES = st.integers(1, 2**12 - 1).map(lambda bits: [bool(bits >> place & 1) for place in range(12)])
ACTIONS = st.lists(st.integers(0, 20), min_size=10, max_size=25)
TURNS = 3
EXAMPLES = {"blocks": 200, "anything": 200, "gateways": 400}
DRAWN = {"blocks": block_structured(), "anything": unstructured(), "gateways": joined_at_random()}


def choosing(choices: list[bool]) -> Callable[[str, int, str], bool]:
    """Whether a flow's condition holds at the n-th visit; after a few turns only the default is left."""

    def holds(node_id: str, visit: int, flow_id: str) -> bool:
        place = int(re.sub(r"\D", "", node_id)) * 5 + visit * 3 + sum(map(ord, flow_id))
        return visit < TURNS and choices[place % len(choices)]

    return holds


class Chooser:
    """Answers the conditions of a drawn process, counting visits: a gateway asks its flows in their order."""

    def __init__(self, process: Process, choices: list[bool]) -> None:
        self._holds = choosing(choices)
        self._visits: Counter[str] = Counter()
        self._real = services(no_decision)
        self._first = _first_conditions(process)

    @property
    def services(self) -> Services:
        return Services(self.compile, self._real.compile_script, self._real.decide)

    def compile(self, expression: Expression) -> Callable[[Any, datetime], Any]:
        if not expression.text.startswith(CHOICE):
            return self._real.compile(expression)
        _, node_id, flow_id = expression.text.split()

        def holds(variables: Any, now: datetime) -> bool:
            if self._first[node_id] == flow_id:
                self._visits[node_id] += 1
            return self._holds(node_id, self._visits[node_id] - 1, flow_id)

        return holds


def _first_conditions(process: Process) -> dict[str, str]:
    """By node, the flow whose condition is asked first."""
    first: dict[str, str] = {}
    for scope in [process.elements, *(node.body for node in process.elements.walk() if node.body)]:
        for node in scope.nodes.values():
            for flow_id in node.outgoing:
                if scope.flows[flow_id].condition:
                    first.setdefault(node.id, flow_id)
    return first


def check_agreement(process: Process, choices: list[bool], actions: list[int]) -> Run:
    """Plays *actions* on both; they must agree after each one."""
    note(told(process.elements))
    oracle = Oracle(process, choosing(choices), n=0, seen=0)
    run = Run(process, Chooser(process, choices).services, saves=True)
    unsaved = Run(process, Chooser(process, choices).services, saves=False)
    compare(oracle, run)
    for turn, number in enumerate(actions):
        if oracle.outcome or not oracle.actions:
            break
        action = oracle.actions[number % len(oracle.actions)]
        variables = {"n": turn, f"done_{action[1]}": turn} if action[0] == "complete" else {}
        note(f"{action} {variables}")
        for player in (oracle, run, unsaved):
            player.do(action, **variables)
        compare(oracle, run)
    assert run.story.log == unsaved.story.log, "saving and loading changes nothing"
    return run


def compare(oracle: Oracle, run: Run) -> None:
    assert run.story.outcome == oracle.outcome
    assert run.story.passed == oracle.passed
    assert run.story.variables == oracle.root.variables
    if oracle.outcome is None:
        assert run.waiting_at == oracle.waiting_at
        assert run.incidents == oracle.incidents
        assert run.at_joins == oracle.at_joins


@pytest.mark.parametrize("drawn", DRAWN)
def test_runs_are_those_of_the_token_game(drawn):
    @settings(EVERY_TIME_THE_SAME, max_examples=EXAMPLES[drawn])
    @given(DRAWN[drawn], CHOICES, ACTIONS)
    def property_holds(process: Process, choices: list[bool], actions: list[int]) -> None:
        run = check_agreement(process, choices, actions)
        check_log(run)
        check_saved_state(run)

    property_holds()


def check_log(run: Run) -> None:
    """Ids are unique, every activity that is entered ends once, every token on a flow arrives."""
    entered = run.story.of(events.ActivityEntered)
    ended = Counter(
        e.activity_id for kind in (events.ActivityCompleted, events.ActivityCancelled) for e in run.story.of(kind)
    )
    assert len({each.activity_id for each in entered}) == len(entered)
    assert set(ended.values()) <= {1}
    assert set(ended) <= {each.activity_id for each in entered}
    if run.story.outcome:
        assert len(ended) == len(entered)
    taken = Counter(each.flow_id for each in run.story.of(events.FlowTaken))
    arrived = Counter(each.flow_id for each in entered if each.flow_id)
    for scope in [run.process.elements, *(node.body for node in run.process.elements.walk() if node.body)]:
        for flow in scope.flows.values():
            target = scope.nodes[flow.target]
            if target.kind in ("parallelGateway", "inclusiveGateway") and len(target.incoming) > 1:
                assert arrived[flow.id] <= taken[flow.id]
            else:
                assert arrived[flow.id] == taken[flow.id]


def check_saved_state(run: Run) -> None:
    """What is saved is what is live, not what has been done."""
    if run.story.outcome:
        assert run.story.parts == {}
        assert {scope for scope, _ in run.story.stored} <= {0}
        return
    assert len(run.saved_tokens) < 200
    assert len(repr(run.story.parts)) < 100 + 250 * len(run.saved_tokens) + 100 * len(run.story.parts)
