"""What is said of a diagram before it runs agrees with what its runs do (`bpmn.soundness`)."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from drawing import CHOICE, joined_at_random, told
from hypothesis import HealthCheck, given, note, settings
from playing import Run
from story import no_decision

from bpmn.model import Expression, NodeKind, Process
from bpmn.soundness import judge
from engine.evaluation import services
from engine.interpreter import Services

COMMANDS = 400
TOKENS = 5
EVERY_TIME_THE_SAME = settings(
    max_examples=80,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


class EveryChoice:
    """Answers conditions so that, command by command, every combination of choices comes up once."""

    def __init__(self, process: Process) -> None:
        self._real = services(no_decision)
        self._nodes = {node.id: node for node in process.elements.walk()}
        self._flows = process.elements.flows
        self._taken: list[int] = []
        self._of: list[int] = []
        self._place = 0
        self._now: dict[str, int] = {}

    @property
    def services(self) -> Services:
        return Services(self.compile, self._real.compile_script, self._real.decide)

    def each(self) -> Iterator[None]:
        """One turn for each combination that the command turns out to ask for."""
        self._taken = []
        while True:
            self._place, self._of = 0, []
            yield
            while self._taken and self._taken[-1] + 1 == self._of[len(self._taken) - 1]:
                self._taken.pop()
            if not self._taken:
                return
            self._taken[-1] += 1

    def compile(self, expression: Expression) -> Callable[[Any, datetime], Any]:
        if not expression.text.startswith(CHOICE):
            return self._real.compile(expression)
        _, node_id, flow_id = expression.text.split()
        conditional = [each for each in self._nodes[node_id].outgoing if self._flows[each].condition]
        number = conditional.index(flow_id)

        def holds(variables: Any, now: datetime) -> bool:
            if number == 0:
                self._now[node_id] = self._choose(self._choices(node_id, len(conditional)))
            return bool(self._now[node_id] >> number & 1)

        return holds

    def _choices(self, node_id: str, conditional: int) -> list[int]:
        """Which conditions hold, as bits; at least one of them where there is no default flow."""
        node = self._nodes[node_id]
        none = [0] if node.default_flow else []
        if node.kind is NodeKind.EXCLUSIVE_GATEWAY:
            return [*none, *(1 << number for number in range(conditional))]
        return [*none, *range(1, 1 << conditional)]

    def _choose(self, choices: list[int]) -> int:
        if self._place == len(self._taken):
            self._taken.append(0)
        self._of.append(len(choices))
        self._place += 1
        return choices[self._taken[self._place - 1]]


def every_run(process: Process) -> tuple[list[Run], bool]:
    """Every state in which a run of *process* can wait, and every end; and whether that is all of them."""
    choice = EveryChoice(process)
    found: dict[Any, Run] = {}
    for _ in choice.each():
        run = Run(process, choice.services, saves=True)
        found.setdefault(_key(run), run)
    todo = deque(found.values())
    commands = 0
    while todo:
        run = todo.popleft()
        for action in run.actions if run.story.outcome is None else ():
            for _ in choice.each():
                commands += 1
                if commands > COMMANDS or run.waiting_at.total() > TOKENS:
                    return list(found.values()), False
                after = run.copy()
                after.do(action)
                if (key := _key(after)) not in found:
                    found[key] = after
                    todo.append(after)
    return list(found.values()), True


def _key(run: Run) -> Any:
    """What a run's future depends on, and (but for loops) what has happened."""
    path = Counter(run.story.path)
    return (
        run.story.outcome,
        frozenset(run.waiting_at.items()),
        frozenset(run.at_joins.items()),
        frozenset((element, min(count, 2)) for element, count in path.items()),
    )


@EVERY_TIME_THE_SAME
@given(joined_at_random())
def test_a_process_is_said_to_deadlock_where_a_run_gets_stuck(process: Process) -> None:
    note(told(process.elements))
    (judgement,) = judge(process.elements)
    runs, are_all = every_run(process)
    stuck = {gateway for run in runs if run.story.outcome is None and not run.actions for gateway, _ in run.at_joins}

    if judgement.is_complete:
        assert stuck <= set(judgement.stuck)
    if are_all:
        assert set(judgement.stuck) <= stuck


@EVERY_TIME_THE_SAME
@given(joined_at_random(loops=False))
def test_a_process_is_said_to_lack_synchronisation_where_a_run_does_something_twice(process: Process) -> None:
    note(told(process.elements))
    (judgement,) = judge(process.elements)
    runs, are_all = every_run(process)
    twice = {element for run in runs for element, count in Counter(run.story.path).items() if count > 1}
    steps = {element for element in twice if process.node(element).kind is NodeKind.CATCH_EVENT}

    if judgement.is_complete:
        assert bool(judgement.doubled) >= bool(steps)
    if are_all:
        assert set(judgement.doubled) <= twice
