"""Reads scenario files: all or nothing, and a mistake names its line and what is allowed there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engine.application import SCENARIO_SUFFIX
from engine.testing.format import (
    COMMON_STEP_KEYS,
    DEFAULT_NOW,
    EXPECTATIONS,
    FILE_KEYS,
    SCENARIO_KEYS,
    START_KEYS,
    VERBS,
    Expectation,
    Scenario,
    ScenarioFile,
    StartPlan,
    Step,
)
from engine.testing.kinds import Checker
from engine.testing.source import ScenarioFileError, Table, read_yaml


def find_scenario_files(paths: Iterable[str | Path]) -> list[Path]:
    """The files named, and all *.scenario.yaml below the folders named, in order, each once.

    Raises FileNotFoundError for a path that does not exist.
    """
    found: dict[Path, Path] = {}
    for path in map(Path, paths):
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist. Name a scenario file or a folder with some.")
        files = sorted(path.rglob("*" + SCENARIO_SUFFIX)) if path.is_dir() else [path]
        for file in files:
            found.setdefault(file.resolve(), file)
    return list(found.values())


def read_scenario_file(path: Path) -> ScenarioFile:
    """Raises ScenarioFileError."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as problem:
        raise ScenarioFileError(str(path), 1, "the file is not UTF-8 text. Save it as UTF-8.") from problem
    except OSError as problem:
        raise ScenarioFileError(str(path), 1, f"cannot be read: {problem.strerror}.") from problem
    return _Reader(path).scenario_file(read_yaml(text, str(path)))


class _Reader(Checker):
    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path = path

    def scenario_file(self, raw: Any) -> ScenarioFile:
        if not isinstance(raw, Table):
            self.wrong(1, f"a scenario file is a mapping. Allowed: {', '.join(FILE_KEYS)}.")
        self.keys(raw, FILE_KEYS, "the file")
        for key in ("models",) if "deploy_error" in raw else ("models", "scenarios"):
            if not raw.get(key):
                self.wrong(raw.line_of(key), f"the file needs '{key}', a list that is not empty.")
        models = self.texts(raw["models"], raw.line_of("models"), "models")
        stubs = self.table(raw.get("stubs"), raw.line_of("stubs"), "stubs")
        return ScenarioFile(
            path=self.path,
            models=tuple(self._beside(name, raw.line_of("models"), "models") for name in models),
            process=self._optional(raw, "process", "text", None),
            handlers=self._beside(str(raw["handlers"]), raw.line_of("handlers"), "handlers")
            if raw.get("handlers")
            else None,
            stubs={name: self.stub(stub, stubs.line_of(name), f"stub '{name}'") for name, stub in stubs.items()},
            now=self._optional(raw, "now", "time", DEFAULT_NOW),
            hold_jobs=self._optional(raw, "hold_jobs", "boolean", False),
            deploy_error=self._optional(raw, "deploy_error", "pattern", None),
            scenarios=self._scenarios(raw),
        )

    def _scenarios(self, raw: Table) -> tuple[Scenario, ...]:
        if raw.get("scenarios") is None:
            return ()
        listing = self.listing(raw["scenarios"], raw.line_of("scenarios"), "scenarios")
        return tuple(self._scenario(entry, line) for entry, line in zip(listing, listing.lines, strict=True))

    def _scenario(self, raw: Any, line: int) -> Scenario:
        table = self.table(raw, line, "a scenario")
        self.keys(table, SCENARIO_KEYS, "a scenario")
        if "name" not in table:
            self.wrong(line, "the scenario has no name. Add a sentence that says what must happen.")
        raw_steps = table.get("steps")
        steps = [] if raw_steps is None else self.listing(raw_steps, table.line_of("steps"), "steps")
        lines = getattr(steps, "lines", [])
        return Scenario(
            name=self.text(table["name"], table.line_of("name"), "name"),
            line=line,
            start=self._start(table.get("start"), table.line_of("start")),
            steps=tuple(self._step(entry, lines[at], at + 1) for at, entry in enumerate(steps)),
            expect=self._expectation(table, "expect"),
        )

    def _start(self, raw: Any, line: int) -> StartPlan:
        if raw == "none":
            return StartPlan(kind="none")
        table = self.table(raw, line, "start")
        self.keys(table, START_KEYS, "start")
        ways = [key for key in ("message", "signal", "form") if key in table]
        if len(ways) > 1:
            self.wrong(table.line_of(ways[1]), f"start has both {' and '.join(ways)}. Keep one of them.")
        variables = self._optional(table, "variables", "table", {})
        business_key = self._optional(table, "business_key", "text", None)
        if not ways:
            return StartPlan("plain", variables=variables, business_key=business_key)
        if ways == ["form"]:
            form = self.table(table["form"], table.line_of("form"), "form")
            return StartPlan("form", variables=form, business_key=business_key)
        return self._event_start(ways[0], table, StartPlan(ways[0], "", variables, business_key))

    def _event_start(self, kind: str, table: Table, plan: StartPlan) -> StartPlan:
        line = table.line_of(kind)
        event = table[kind]
        if isinstance(event, str):
            return StartPlan(kind, event, plan.variables, plan.business_key)
        allowed = ("name", "variables", "business_key", "correlate") if kind == "message" else ("name", "variables")
        event = self.table(event, line, kind)
        self.keys(event, allowed, f"start by {kind}")
        if "name" not in event:
            self.wrong(line, f"start by {kind} needs a name, like {{{kind}: {{name: Go}}}}.")
        return StartPlan(
            kind,
            self.text(event["name"], event.line_of("name"), "name"),
            {**plan.variables, **self._optional(event, "variables", "table", {})},
            self._optional(event, "business_key", "text", plan.business_key),
            event.get("correlate"),
        )

    def _step(self, raw: Any, line: int, number: int) -> Step:
        table = self._bare_verb(raw, line)
        verbs = _verbs_of(table)
        if len(verbs) > 1:
            self.wrong(table.line_of(verbs[1]), f"a step has one verb, this has {' and '.join(verbs)}. Make two steps.")
        if not verbs:
            return self._expect_step(table, line, number)
        verb, form = verbs[0], VERBS[verbs[0]]
        self.keys(table, (verb, *form.options, *COMMON_STEP_KEYS), f"the step '{verb}'")
        options = {
            key: self.convert(kind, table[key], table.line_of(key), f"{key} of '{verb}'")
            for key, kind in form.options.items()
            if key in table
        }
        self._check_required(verb, options, line)
        return Step(
            number=number,
            line=line,
            verb=verb,
            value=self.convert(form.value, table[verb], table.line_of(verb), f"'{verb}'"),
            options=options,
            instance=self._optional(table, "instance", "text", None),
            fails=self._optional(table, "fails", "pattern", None),
            expect=self._expectation(table, "expect"),
        )

    def _bare_verb(self, raw: Any, line: int) -> Table:
        """A step as a table; `- suspend` alone means `- suspend: {}`."""
        if isinstance(raw, str) and raw in VERBS and VERBS[raw].value == "none":
            table = Table(line)
            table[raw] = None
            return table
        return self.table(raw, line, "a step")

    def _expect_step(self, table: Table, line: int, number: int) -> Step:
        if "expect" not in table:
            key = next((key for key in table if key not in COMMON_STEP_KEYS), None)
            unknown = f"'{key}' is no verb" if key else "the step has no verb"
            self.wrong(table.line_of(key) if key else line, f"{unknown}. Allowed: {', '.join(VERBS)}, expect.")
        self.keys(table, ("expect", "instance"), "the step 'expect'")
        instance = self._optional(table, "instance", "text", None)
        return Step(number, line, "expect", None, {}, instance, None, self._expectation(table, "expect"))

    def _check_required(self, verb: str, options: dict[str, Any], line: int) -> None:
        required = {
            "claim": ("user",),
            "task_error": ("code",),
            "task_escalation": ("code",),
            "stub": ("with",),
            "set_retries": ("retries",),
        }
        missing = [key for key in required.get(verb, ()) if key not in options]
        if options.get("do") == "bpmn_error" and "code" not in options:
            missing = ["code"]
        if missing:
            self.wrong(line, f"the step '{verb}' needs '{missing[0]}'.")

    def _expectation(self, table: Table, key: str) -> Expectation | None:
        if key not in table:
            return None
        line = table.line_of(key)
        raw = self.table(table[key], line, "expect")
        self.keys(raw, EXPECTATIONS, "expect")
        values = {
            name: self.convert(EXPECTATIONS[name], value, raw.line_of(name), f"'{name}'") for name, value in raw.items()
        }
        return Expectation(values, line)

    def _optional(self, table: Table, key: str, kind: str, default: Any) -> Any:
        return self.convert(kind, table[key], table.line_of(key), f"'{key}'") if key in table else default

    def _beside(self, name: str, line: int, key: str) -> Path:
        path = self.path.parent / name
        if not path.is_file():
            self.wrong(
                line, f"{key}: there is no file '{name}' beside this one. Paths are relative to the scenario file."
            )
        return path


def _verbs_of(step: Table) -> list[str]:
    """The verbs among a step's keys; `message` beside task_error is that verb's option."""
    found = [key for key in step if key in VERBS]
    return [key for key in found if not any(key in VERBS[other].options for other in found if other != key)]
