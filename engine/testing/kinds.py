"""The kinds of values that stand in scenario files: each is checked and converted in one place."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, NoReturn, cast

from engine.testing.format import SETTLEMENTS, STATES, STUB_KEYS, TASK_KEYS, Behaviour, Stub
from engine.testing.source import Listing, ScenarioFileError, Table
from engine.timing import TimerError, read_date, read_duration


class Checker:
    """Turns raw values of one file into what they mean; `wrong` raises with file:line."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._kinds: Mapping[str, Callable[[Any, int, str], Any]] = {
            "any": lambda value, line, what: value,
            "text": self.text,
            "texts": self.texts,
            "table": self.table,
            "tables": self.tables,
            "boolean": self.boolean,
            "count": self.count,
            "counts": self.counts,
            "position": self.position,
            "duration": self.duration,
            "time": self.time,
            "none": self.nothing,
            "pattern": self.pattern,
            "settlement": lambda value, line, what: self.one_of(value, line, what, SETTLEMENTS),
            "state": lambda value, line, what: self.one_of(value, line, what, STATES),
            "ended": self.ended,
            "tasks": self.tasks,
            "incidents": self.incidents,
            "stub": self.stub,
        }

    def convert(self, kind: str, value: Any, line: int, what: str) -> Any:
        return self._kinds[kind](value, line, what)

    def wrong(self, line: int, message: str) -> NoReturn:
        raise ScenarioFileError(self.file, line, message)

    def keys(self, table: Table, allowed: Collection[str], what: str) -> None:
        """Refuses a key that is not among *allowed*."""
        for key in table:
            if key not in allowed:
                self.wrong(table.line_of(key), f"unknown key '{key}' in {what}. Allowed: {', '.join(allowed)}.")

    def text(self, value: Any, line: int, what: str) -> str:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number and not (isinstance(value, str) and value):
            self.wrong(line, f"{what} must be a text.")
        return str(value)

    def texts(self, value: Any, line: int, what: str) -> tuple[str, ...]:
        listing = self.listing(value, line, what)
        return tuple(
            self.text(entry, at, f"an entry of {what}") for entry, at in zip(listing, listing.lines, strict=True)
        )

    def listing(self, value: Any, line: int, what: str) -> Listing:
        if not isinstance(value, Listing):
            self.wrong(line, f"{what} must be a list, like [one, two].")
        return value

    def table(self, value: Any, line: int, what: str) -> Table:
        if value is None:
            return Table(line)
        if not isinstance(value, Table):
            self.wrong(line, f"{what} must be a mapping, like {{name: value}}.")
        return value

    def tables(self, value: Any, line: int, what: str) -> Table:
        outer = self.table(value, line, what)
        for key, inner in outer.items():
            self.table(inner, outer.line_of(key), f"'{key}' in {what}")
        return outer

    def boolean(self, value: Any, line: int, what: str) -> bool:
        if not isinstance(value, bool):
            self.wrong(line, f"{what} must be true or false.")
        return value

    def count(self, value: Any, line: int, what: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self.wrong(line, f"{what} must be a number from 0 up.")
        return value

    def counts(self, value: Any, line: int, what: str) -> Table:
        table = self.table(value, line, what)
        for key, number in table.items():
            self.count(number, table.line_of(key), f"'{key}' in {what}")
        return table

    def position(self, value: Any, line: int, what: str) -> int:
        number = self.count(value, line, what)
        if number == 0:
            self.wrong(line, f"{what} counts from 1.")
        return number

    def duration(self, value: Any, line: int, what: str) -> Any:
        try:
            return read_duration(self.text(value, line, what))
        except TimerError as problem:
            self.wrong(line, f"{what}: {problem}")

    def time(self, value: Any, line: int, what: str) -> Any:
        try:
            return read_date(self.text(value, line, what))
        except TimerError as problem:
            self.wrong(line, f"{what}: {problem}")

    def nothing(self, value: Any, line: int, what: str) -> None:
        if value not in (None, True, "", {}):
            self.wrong(line, f"{what} takes no value. Write {{}} or true.")

    def pattern(self, value: Any, line: int, what: str) -> str:
        text = self.text(value, line, what)
        try:
            re.compile(text)
        except re.error as problem:
            self.wrong(line, f"{what} is no regular expression: {problem}.")
        return text

    def one_of(self, value: Any, line: int, what: str, allowed: Collection[str]) -> str:
        if value not in allowed:
            self.wrong(line, f"{what} is '{value}'. Allowed: {', '.join(allowed)}.")
        return cast("str", value)

    def ended(self, value: Any, line: int, what: str) -> bool | Table:
        if not isinstance(value, Table):
            return self.boolean(value, line, what)
        for name, flag in value.items():
            self.boolean(flag, value.line_of(name), f"'{name}' in {what}")
        return value

    def tasks(self, value: Any, line: int, what: str) -> tuple[Table, ...]:
        listing = self.listing(value, line, what)
        for entry, at in zip(listing, listing.lines, strict=True):
            task = self.table(entry, at, f"an entry of {what}")
            self.keys(task, TASK_KEYS, "a task")
            for key in ("candidate_users", "candidate_groups"):
                if key in task:
                    self.texts(task[key], task.line_of(key), key)
        return tuple(listing)

    def incidents(self, value: Any, line: int, what: str) -> int | tuple[Table, ...]:
        if not isinstance(value, Listing):
            return self.count(value, line, what)
        for entry, at in zip(value, value.lines, strict=True):
            incident = self.table(entry, at, f"an entry of {what}")
            self.keys(incident, ("element", "matches"), "an incident")
            if "matches" in incident:
                self.pattern(incident["matches"], incident.line_of("matches"), "matches")
        return tuple(value)

    def stub(self, value: Any, line: int, what: str) -> Stub:
        """One behaviour, or a list of them: one per call, the last repeats."""
        if not isinstance(value, Listing):
            return (self._behaviour(value, line, what),)
        if not value:
            self.wrong(line, f"{what} has no behaviour. Write {{}} for one that does nothing.")
        return tuple(self._behaviour(entry, at, what) for entry, at in zip(value, value.lines, strict=True))

    def _behaviour(self, value: Any, line: int, what: str) -> Behaviour:
        table = self.table(value, line, what)
        self.keys(table, STUB_KEYS, what)
        outcomes = [key for key in ("return", "fail", "bpmn_error") if key in table]
        if len(outcomes) > 1:
            self.wrong(table.line_of(outcomes[1]), f"{what} has both {' and '.join(outcomes)}. Keep one of them.")

        def text(key: str) -> str | None:
            return self.text(table[key], table.line_of(key), f"{key} of {what}") if key in table else None

        return Behaviour(
            returns=table.get("return"),
            fail=text("fail"),
            error=self._bpmn_error(table, what) if "bpmn_error" in table else None,
            increment=text("increment"),
            increment_field=text("increment_field"),
            log=text("log"),
        )

    def _bpmn_error(self, table: Table, what: str) -> tuple[str, str, Mapping[str, Any]]:
        line = table.line_of("bpmn_error")
        value = table["bpmn_error"]
        if not isinstance(value, Table):
            return self.text(value, line, f"bpmn_error of {what}"), "", {}
        self.keys(value, ("code", "message", "variables"), "bpmn_error")
        if "code" not in value:
            self.wrong(line, f"bpmn_error of {what} has no code. Write {{code: LIMIT}}.")
        return (
            self.text(value["code"], value.line_of("code"), "code"),
            str(value.get("message") or ""),
            self.table(value.get("variables"), value.line_of("variables"), "variables"),
        )
