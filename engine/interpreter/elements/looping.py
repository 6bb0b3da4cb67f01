"""Bodies around an activity that happens more than once: standard loop and multi-instance (13.3.6, 13.3.7).

The body is what the sequence flows and the boundary events see; the instances stand inside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bpmn.model import FlowNode, MultiInstance, StandardLoop
from engine.interpreter.beginning import keep_beginnings, kept_beginnings
from engine.interpreter.compiling import text_of
from engine.interpreter.elements.activity import ActivitySpec
from engine.interpreter.elements.flow_node import FlowNodeSpec
from engine.interpreter.elements.throw_event import Throw
from engine.interpreter.errors import ActivityFailed
from engine.interpreter.token import Token

if TYPE_CHECKING:
    from engine.interpreter.program import Program

BODY_KIND = "multiInstanceBody"
_COUNTERS = ("nrOfInstances", "nrOfActiveInstances", "nrOfCompletedInstances")


class BodySpec(ActivitySpec):
    """*instance*: the spec of the activity itself."""

    holds_instances = True

    def __init__(self, program: Program, node: FlowNode, instance: FlowNodeSpec) -> None:
        super().__init__(program, node, name=f"{node.id} (body)")
        self.kind = BODY_KIND
        self.input_mappings = ()
        self.output_mappings = ()
        self._share_scripts(instance)
        instance.saves_before = instance.saves_after = False
        self.instance = instance

    def _share_scripts(self, instance: FlowNodeSpec) -> None:
        """They run around all turns together, unless they are said to run in each."""
        if self.node.scripts_on_instances:
            self.pre_script = self.post_script = None
        elif isinstance(instance, ActivitySpec):
            instance.pre_script = instance.post_script = None

    def start_instance(self, token: Token, number: int, local: dict[str, Any]) -> Token:
        """Another instance inside the body; *number* is kept for its output."""
        workflow = token.workflow
        inner = workflow.place(self.instance, token)
        inner.memory["number"] = number
        workflow.record_entry(inner)
        for name, value in local.items():
            workflow.set_local(inner, name, value, inner.id)
        workflow.make_ready(inner)
        return inner

    def drained(self, token: Token) -> None:
        self.resume(token)


class StandardLoopSpec(BodySpec):
    """Repeats while the condition holds, asked before each turn or after it."""

    def __init__(self, program: Program, node: FlowNode, instance: FlowNodeSpec) -> None:
        super().__init__(program, node, instance)
        assert isinstance(node.loop, StandardLoop)
        self.tests_before = node.loop.tests_before
        self.condition = self.compiler.condition(node.loop.condition)
        self.maximum = self.compiler.optional(node.loop.maximum)

    def execute(self, token: Token) -> bool:
        token.memory["turns"] = 0
        if beginnings := kept_beginnings(token):
            keep_beginnings(self._next_turn(token), beginnings)
            return False
        if self.tests_before and not self._goes_on(token, token):
            return True
        self._next_turn(token)
        return False

    def collect(self, token: Token, inner: Token) -> None:
        token.memory["goes_on"] = self._goes_on(token, inner)

    def child_left(self, token: Token, inner: Token) -> None:
        if token.memory["goes_on"]:
            self._next_turn(token)

    def _next_turn(self, token: Token) -> Token:
        token.memory["turns"] += 1
        turn = token.memory["turns"]
        return self.start_instance(token, turn, {"loopCounter": turn})

    def _goes_on(self, token: Token, where: Token) -> bool:
        if self.maximum is not None and token.memory["turns"] >= self._maximum(where):
            return False
        return self.condition is None or self.condition(where)

    def _maximum(self, token: Token) -> int:
        assert self.maximum is not None
        return whole_number(self.maximum(token), f"the loop maximum of '{self.node.id}'", self.node.line)


class MultiInstanceSpec(BodySpec):
    """One instance for each item. The items are taken when the body is entered and kept apart from it, as
    is each instance's output, so that a step costs the same however many items there are."""

    built_in_names = frozenset(
        {
            *("nrOfInstances", "nrOfCompletedInstances", "nrOfActiveInstances", "nrOfTerminatedInstances"),
            *("numberOfInstances", "numberOfCompletedInstances", "numberOfActiveInstances"),
            "numberOfTerminatedInstances",
        }
    )

    def __init__(self, program: Program, node: FlowNode, instance: FlowNodeSpec) -> None:
        super().__init__(program, node, instance)
        assert isinstance(node.loop, MultiInstance)
        self.loop = node.loop
        instance.saves_before, instance.saves_after = self.loop.save_point_before, self.loop.save_point_after
        self.collection = self.compiler.optional(self.loop.collection)
        self.cardinality = self.compiler.optional(self.loop.cardinality)
        self.output_element = self.compiler.optional(self.loop.output_element)
        self.completion_condition = self.compiler.condition(self.loop.completion_condition)
        named = re.fullmatch(
            r"([^\W\d]\w*)(?:\.\w+)*", self.loop.output_element.text if self.loop.output_element else ""
        )
        self.output_variable = named[1] if named else None
        self.behaviors = [
            (self.compiler.condition(behavior.condition), Throw(self.compiler, node.id, behavior.event, node.line))
            for behavior in self.loop.behaviors
        ]

    def execute(self, token: Token) -> bool:
        if beginnings := kept_beginnings(token):
            token.memory.update(count=0, started=0, completed=0)
            self.add_instance(token, {}, beginnings)
            return False
        items = self._items(token)
        token.memory.update(count=len(items), started=0, completed=0)
        self._keep_counters(token)
        if not items:
            return True
        if self.loop.is_sequential:
            token.workflow.set_side(-token.id, list(items))
            self._start_next(token, items)
            return False
        for _ in items:
            self._start_next(token, items)
        return False

    def add_instance(self, token: Token, local: Mapping[str, Any], beginnings: list[Any]) -> None:
        """One more than there are items, by hand: *local* has its item, else the body."""
        number = token.memory["count"]
        token.memory["count"] = number + 1
        token.memory["started"] += 1
        self._keep_counters(token)
        item = token.variables.get(self.loop.element_variable or "")
        inner = self.start_instance(token, number, {**self._locals(number, item), **local})
        keep_beginnings(inner, beginnings)
        if not self.loop.is_sequential:
            token.workflow.own_part(inner)

    def drop_instance(self, token: Token) -> None:
        """One was cancelled by hand."""
        token.memory["terminated"] = token.memory.get("terminated", 0) + 1
        self._keep_counters(token)
        token.workflow.touch(token)

    def collect(self, token: Token, inner: Token) -> None:
        output = self.output_element(inner) if self.output_element else None
        token.memory["completed"] += 1
        self._keep_counters(token)
        try:
            satisfied = bool(self.completion_condition and self.completion_condition(inner))
        except ActivityFailed:
            token.memory["completed"] -= 1
            self._keep_counters(token)
            raise
        token.memory["satisfied"] = satisfied
        if self.loop.output_collection:
            token.workflow.set_side(inner.id, {"of": token.id, "number": inner.memory["number"], "value": output})

    def child_left(self, token: Token, inner: Token) -> None:
        workflow = token.workflow
        for throw in self._events_of(token, inner):
            workflow.going_on = token if self.loop.goes_on else None
            throw(token)
            workflow.going_on = None
            if token.id not in workflow.tasks:
                return
        if token.memory["satisfied"]:
            token.workflow.clear(token, cause=self.node.id, spare=inner)
        elif self.loop.is_sequential and token.memory["started"] < token.memory["count"]:
            self._start_next(token, token.workflow.side[-token.id])

    def write_result(self, token: Token) -> None:
        if self.loop.output_collection:
            values: list[Any] = [None] * token.memory["count"]
            for part_id in self._output_parts(token):
                kept = token.workflow.side[part_id]
                values[kept["number"]] = kept["value"]
            token.workflow.set_variable(token, self.loop.output_collection, values)
        self._drop_sides(token)
        if self.post_script:
            self.post_script(token)

    def stop_waiting(self, token: Token) -> None:
        self._drop_sides(token)

    def built_in(self, token: Token, name: str) -> int:
        memory = token.memory
        what = name.removeprefix("nrOf").removeprefix("numberOf")
        match what:
            case "Instances":
                return memory["count"]
            case "CompletedInstances":
                return memory["completed"]
            case "ActiveInstances":
                return memory["started"] - memory["completed"] - memory.get("terminated", 0)
            case _:
                return memory.get("terminated", 0)

    def _keep_counters(self, token: Token) -> None:
        """As variables, for handlers and people to see."""
        for name in _COUNTERS if self.loop.keeps_counters else ():
            token.workflow.set_local(token, name, self.built_in(token, name), token.id)

    def _events_of(self, token: Token, inner: Token) -> list[Throw]:
        """What to throw now that *inner* has completed (13.3.7): for boundary events of the body to catch."""
        if self.loop.throws_once and token.memory["completed"] > 1:
            return []
        return [throw for condition, throw in self.behaviors if condition is None or condition(inner)]

    def _start_next(self, token: Token, items: list[Any] | range) -> None:
        number = token.memory["started"]
        token.memory["started"] = number + 1
        self._keep_counters(token)
        inner = self.start_instance(token, number, self._locals(number, items[number]))
        if not self.loop.is_sequential:
            token.workflow.own_part(inner)

    def _locals(self, number: int, item: Any) -> dict[str, Any]:
        local: dict[str, Any] = {"loopCounter": number + self.loop.counts_from}
        if self.loop.element_variable and self.collection:
            local = {self.loop.element_variable: item, **local}
        if self.output_variable:
            local.setdefault(self.output_variable, None)  # so that what is written to it stays in the instance
        return local

    def _items(self, token: Token) -> list[Any] | range:
        if self.collection is not None:
            items = self.collection(token)
            if not isinstance(items, list | tuple):
                raise ActivityFailed(
                    "expression",
                    f"The collection of '{self.node.id}' is {type(items).__name__} and no list.",
                    self.node.line,
                )
            return list(items)
        if self.cardinality is None:
            raise ActivityFailed("expression", f"'{self.node.id}' says neither how many nor for what.", self.node.line)
        return range(whole_number(self.cardinality(token), f"the cardinality of '{self.node.id}'", self.node.line))

    def _output_parts(self, token: Token) -> list[int]:
        side = token.workflow.side
        return [part for part, kept in side.items() if isinstance(kept, dict) and kept.get("of") == token.id]

    def _drop_sides(self, token: Token) -> None:
        for part_id in [-token.id, *self._output_parts(token)]:
            token.workflow.drop_side(part_id)


def whole_number(value: Any, what: str, line: int) -> int:
    """A count from a number or its text. Raises ActivityFailed when it is none, or negative."""
    try:
        number = int(text_of(value) or "")
    except ValueError:
        number = -1
    if number < 0:
        raise ActivityFailed("expression", f"'{text_of(value)}' is no count for {what}.", line)
    return number
