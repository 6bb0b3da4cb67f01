"""Reads the [agents."job type"] tables of fermata.toml."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, cast

from engine.errors import InvalidInput
from engine.executors.agent.limits import Limits
from engine.executors.agent.settings import ERROR_CODES, AgentSettings, Price

Resolve = Callable[[str], Callable[..., Any]]

_TEXTS = ("model", "instructions", "prompt", "result_variable", "offline", "base_url", "api_key_env")
_CHOICES = ("on_limit", "on_invalid", "on_change")
_COUNTS = ("model_calls", "tool_calls", "input_tokens", "output_tokens", "total_tokens")
_KEYS = (*_TEXTS, *_CHOICES, "inputs", "tools", "output_schema", "output_tries", "limits", "price", "error_codes",
         "model_settings")  # fmt: skip
_FILE_SUFFIXES = (".md", ".txt")


def read_agents(
    tables: Mapping[str, Mapping[str, Any]], *, folder: Path, resolve: Resolve
) -> tuple[AgentSettings, ...]:
    """The agents declared in *tables* (job type to table).

    *folder*: where files named in them lie. *resolve*: finds the function that 'module:name' means.
    Raises InvalidInput (which agent, which key, remedy), and whatever *resolve* raises.
    """
    return tuple(_Table(job_type, table, folder, resolve).agent() for job_type, table in tables.items())


class _Table:
    def __init__(self, job_type: str, table: Mapping[str, Any], folder: Path, resolve: Resolve) -> None:
        self._job_type = job_type
        self._table = table
        self._folder = folder
        self._resolve = resolve

    def agent(self) -> AgentSettings:
        self._check_keys("", self._table, _KEYS)
        if "model" not in self._table:
            raise self._wrong("model", 'is missing. Add model = "openai:gpt-5-mini", or "offline"')
        chosen: dict[str, Any] = {name: self._text(name) for name in (*_TEXTS, *_CHOICES) if name in self._table}
        if "instructions" in chosen:
            chosen["instructions"] = self._text_or_file("instructions", chosen["instructions"])
        if "offline" in chosen:
            chosen["offline"] = self._resolve(chosen["offline"])
        if "output_tries" in self._table:
            chosen["output_tries"] = self._whole("output_tries", self._table["output_tries"])
        return AgentSettings(
            job_type=self._job_type,
            inputs=self._inputs(),
            tools=tuple(self._resolve(name) for name in self._names("tools")),
            output=self._output_schema(),
            limits=self._limits(),
            price=self._price(),
            error_codes=self._error_codes(),
            model_settings=self._section("model_settings"),
            **chosen,
        )

    def _inputs(self) -> tuple[str, ...] | dict[str, str] | None:
        written = self._table.get("inputs")
        if written is None:
            return None
        if isinstance(written, dict):
            mapping = cast("dict[str, Any]", written)
            if all(isinstance(expression, str) for expression in mapping.values()):
                return mapping
            raise self._wrong("inputs", 'must give each input a FEEL expression in quotes, like total = "a + b"')
        return self._names("inputs")

    def _output_schema(self) -> Mapping[str, Any] | None:
        written = self._table.get("output_schema")
        if written is None or isinstance(written, dict):
            return cast("dict[str, Any] | None", written)
        if not isinstance(written, str):
            raise self._wrong("output_schema", "must be a table, or the name of a JSON file")
        try:
            schema = json.loads(self._read("output_schema", written))
        except ValueError as problem:
            raise self._wrong("output_schema", f"names {written}, which is not JSON: {problem}") from problem
        if not isinstance(schema, dict):
            raise self._wrong("output_schema", f"names {written}, which holds no JSON object")
        return cast("dict[str, Any]", schema)

    def _limits(self) -> Limits:
        section = self._section("limits")
        self._check_keys("limits.", section, (*_COUNTS, "tokens", "cost", "seconds"))
        chosen: dict[str, Any] = {name: self._whole(f"limits.{name}", section[name]) for name in _COUNTS
                                  if name in section}  # fmt: skip
        if "tokens" in section:
            chosen["total_tokens"] = self._whole("limits.tokens", section["tokens"])
        if "cost" in section:
            chosen["cost"] = self._dollars("limits.cost", section["cost"])
        if "seconds" in section:
            chosen["seconds"] = float(self._dollars("limits.seconds", section["seconds"]))
        return Limits(**chosen)

    def _price(self) -> Price | None:
        section = self._section("price")
        if not section:
            return None
        self._check_keys("price.", section, ("input", "output"))
        if missing := {"input", "output"} - section.keys():
            raise self._wrong(f"price.{missing.pop()}", "is missing. Give both, in US dollars for a million tokens")
        return Price(*(self._dollars(f"price.{name}", section[name]) for name in ("input", "output")))

    def _error_codes(self) -> Mapping[str, str]:
        section = self._section("error_codes")
        for name, code in section.items():
            if not isinstance(code, str) or not code:
                raise self._wrong(f"error_codes.{name}", "must be a text in quotes")
        return {**ERROR_CODES, **section}

    def _section(self, name: str) -> Mapping[str, Any]:
        section = self._table.get(name, {})
        if not isinstance(section, dict):
            raise self._wrong(name, "must be a table")
        return cast("dict[str, Any]", section)

    def _text(self, name: str) -> str:
        value = self._table[name]
        if not isinstance(value, str):
            raise self._wrong(name, "must be a text in quotes")
        return value

    def _text_or_file(self, name: str, value: str) -> str:
        """*value* itself, or the content of the file that it names."""
        is_file = value.endswith(_FILE_SUFFIXES) and "\n" not in value and " " not in value
        return self._read(name, value) if is_file else value

    def _read(self, name: str, file: str) -> str:
        path = (self._folder / file).resolve()
        if not path.is_relative_to(self._folder.resolve()):
            raise self._wrong(name, f"names {file}, which is outside the application's folder")
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            raise self._wrong(name, f"names {file}, which cannot be read as UTF-8 text in the folder") from problem

    def _names(self, name: str) -> tuple[str, ...]:
        value = self._table.get(name, [])
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in cast("list[Any]", value)):
            raise self._wrong(name, 'must be a list of texts, like ["one", "two"]')
        return tuple(cast("list[str]", value))

    def _whole(self, name: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(name, "must be a whole number")
        return value

    def _dollars(self, name: str, value: Any) -> Decimal:
        try:
            amount = Decimal(str(value))
        except InvalidOperation as problem:
            raise self._wrong(name, 'must be a number, like "0.50"') from problem
        if isinstance(value, bool) or not amount.is_finite() or amount < 0:
            raise self._wrong(name, 'must be a number that is not negative, like "0.50"')
        return amount

    def _check_keys(self, prefix: str, table: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
        for key in table:
            if key not in allowed:
                raise self._wrong(f"{prefix}{key}", f"is no key that an agent has. Allowed: {', '.join(allowed)}")

    def _wrong(self, name: str, problem: str) -> InvalidInput:
        return InvalidInput(f'[agents."{self._job_type}"] {name} {problem}.', {name: problem})
