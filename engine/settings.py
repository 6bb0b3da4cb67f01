"""What a process application says of itself in `fermata.toml`. Every key is optional, none is free-form."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from engine.errors import EngineError

FILE_NAME = "fermata.toml"
DEFAULT_DATABASE = "sqlite:///var/fermata.db"

_SECTIONS = ("application", "database", "handlers", "http", "hooks", "celery", "agents", "people")
_CELERY_KEYS = ("broker", "queue", "queues", "republish_after", "ahead")
_HOOK_KEYS = ("secret", "message", "correlation_key", "variables", "message_id", "scheme", "header", "window", "ttl")
_PERSON_KEYS = ("password", "display_name", "groups", "admin")


class SettingsError(EngineError):
    """A settings file that cannot be used. The message starts with file:line."""


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Somebody who can log in while the application is being developed."""

    name: str
    password: str
    display_name: str
    groups: tuple[str, ...] = ()
    is_admin: bool = False


@dataclass(frozen=True, slots=True)
class CelerySettings:
    """*broker*: its URL, None for the environment's; *queues*: by job type, where it is not *queue*;
    *republish_after*: seconds after which a message that nobody acted on counts as lost; *ahead*: messages that wait
    at once."""

    broker: str | None = None
    queue: str = "fermata"
    queues: Mapping[str, str] = field(default_factory=dict[str, str])
    republish_after: int = 60
    ahead: int = 1000


@dataclass(frozen=True, slots=True)
class HookSettings:
    """A webhook as written under [hooks.NAME]; `engine.hooks` checks and reads it. *secret*: the name of the secret
    that signs; *correlation_key*, *variables* and *message_id* are FEEL over `body`; *header*: with the signature of
    the scheme 'body'; *window* and *ttl*: ISO 8601 durations."""

    name: str
    secret: str
    message: str
    correlation_key: str = ""
    variables: str = "{body: body}"
    message_id: str = ""
    scheme: str = "standard"
    header: str = "X-Hub-Signature-256"
    window: str = "PT5M"
    ttl: str = "P1D"


@dataclass(frozen=True, slots=True)
class Settings:
    """*handler_modules*: file names in the folder, None for handlers.py where it exists. *allowed_hosts*:
    those that HTTP connectors may ask. *agents*: the tables under [agents."job type"] as written;
    `engine.executors.agent` checks and reads them.
    *history_time_to_live*: of instances whose diagram says none, None for ever. *history_partition*: month (None),
    week or day. *save_points*: the state is saved before each Python handler that does not say. *external_types*: of
    jobs that are left to workers elsewhere; *exclusive_types*: of those that run beside no other such job of their
    instance."""

    file: Path | None = None
    name: str = ""
    database_url: str | None = None
    history_time_to_live: str | None = None
    history_partition: str | None = None
    handler_modules: tuple[str, ...] | None = None
    save_points: bool = True
    external_types: tuple[str, ...] = ()
    exclusive_types: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    agents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    people: tuple[DemoPerson, ...] = ()
    celery: CelerySettings = CelerySettings()
    hooks: tuple[HookSettings, ...] = ()


def read_settings(folder: Path) -> Settings:
    """The settings in *folder*; the defaults where there is no file. Raises SettingsError."""
    file = folder / FILE_NAME
    if not file.is_file():
        return Settings(name=folder.resolve().name)
    try:
        text = file.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except UnicodeDecodeError as problem:
        raise SettingsError(f"{file}:1: the file is not UTF-8 text. Save it as UTF-8.") from problem
    except tomllib.TOMLDecodeError as problem:
        line = re.search(r"line (\d+)", str(problem))
        raise SettingsError(f"{file}:{line[1] if line else 1}: not valid TOML: {problem}.") from problem
    return _Reader(file, text).settings(document)


def database_url(given: str | None = None, start: Path | None = None) -> str:
    """The database to use: *given*, else [database] url of the nearest fermata.toml from *start* upwards,
    else the environment's FERMATA_DATABASE, else sqlite:///var/fermata.db."""
    if given:
        return given
    nearest = nearest_settings(start)
    return (nearest and nearest.database_url) or os.environ.get("FERMATA_DATABASE") or DEFAULT_DATABASE


def nearest_settings(start: Path | None = None) -> Settings | None:
    """The nearest fermata.toml from *start* (the current folder) upwards. Raises SettingsError."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / FILE_NAME).is_file():
            return read_settings(folder)
    return None


def longest_time_to_live(applications: Sequence[Settings]) -> str | None:
    """Of applications that share a database: where one keeps history for ever or for longer, all of it is kept so."""
    from engine.timing import removal_at

    said = [each.history_time_to_live for each in applications]
    if not said or None in said:
        return None
    moment = datetime(2000, 1, 1, tzinfo=UTC)
    return max((each for each in said if each), key=lambda each: removal_at(each, moment) or moment)


def shortest_partition(applications: Sequence[Settings]) -> str:
    """Of applications that share a database."""
    said = {each.history_partition for each in applications}
    return next((each for each in ("day", "week") if each in said), "month")


class _Reader:
    def __init__(self, file: Path, text: str) -> None:
        self.file = file
        self.text = text

    def settings(self, document: Mapping[str, Any]) -> Settings:
        self._check_keys(document, (), _SECTIONS)
        application = self._table(document, ("application",), ("name",))
        database = self._table(document, ("database",), ("url", "history_time_to_live", "history_partition"))
        handlers = self._table(document, ("handlers",), ("modules", "save_points", "external", "exclusive"))
        http = self._table(document, ("http",), ("allowed_hosts",))
        url = self._text(database, ("database", "url"))
        modules = self._texts(handlers, ("handlers", "modules")) if "modules" in handlers else None
        return Settings(
            file=self.file,
            name=self._text(application, ("application", "name")) or self.file.resolve().parent.name,
            database_url=_anchored(url, self.file.parent) if url else None,
            history_time_to_live=self._time_to_live(database),
            history_partition=self._partition(database),
            handler_modules=modules,
            save_points=self._flag(handlers, ("handlers", "save_points"), default=True),
            external_types=self._texts(handlers, ("handlers", "external")),
            exclusive_types=self._texts(handlers, ("handlers", "exclusive")),
            allowed_hosts=self._texts(http, ("http", "allowed_hosts")),
            agents={
                job_type: self._table(document, ("agents", job_type)) for job_type in self._table(document, ("agents",))
            },
            people=tuple(self._person(document, name) for name in self._table(document, ("people",))),
            celery=self._celery(document),
            hooks=tuple(self._hook(document, name) for name in self._table(document, ("hooks",))),
        )

    def _celery(self, document: Mapping[str, Any]) -> CelerySettings:
        path = ("celery",)
        table = self._table(document, path, _CELERY_KEYS)
        queues = self._table(document, (*path, "queues"))
        usual = CelerySettings()
        return CelerySettings(
            broker=self._text(table, (*path, "broker")) or None,
            queue=self._text(table, (*path, "queue")) or usual.queue,
            queues={job_type: self._text(queues, (*path, "queues", job_type)) for job_type in queues},
            republish_after=self._count(table, (*path, "republish_after"), usual.republish_after),
            ahead=self._count(table, (*path, "ahead"), usual.ahead),
        )

    def _hook(self, document: Mapping[str, Any], name: str) -> HookSettings:
        path = ("hooks", name)
        table = self._table(document, path, _HOOK_KEYS)
        given = {key: text for key in table if (text := self._text(table, (*path, key)))}
        for key in ("secret", "message"):
            if key not in given:
                raise self._wrong(path, f"the hook '{name}' has no {key}. Add {key} = \"...\".")
        return HookSettings(name, **given)

    def _count(self, table: Mapping[str, Any], path: tuple[str, ...], usual: int) -> int:
        value = table.get(path[-1], usual)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self._wrong(path, f"{path[-1]} must be a whole number, at least 1.")
        return value

    def _time_to_live(self, database: Mapping[str, Any]) -> str | None:
        path = ("database", "history_time_to_live")
        if path[-1] not in database:
            return None
        from engine.timing import TimerError, read_time_to_live

        text = str(database[path[-1]]) if isinstance(database.get(path[-1]), int) else self._text(database, path)
        if not text:
            return None
        try:
            read_time_to_live(text)
            return text
        except (TimerError, OverflowError) as problem:
            message = f"'{text}' is no time to live. Write a number of days, like 30, or a duration, like \"P6M\"."
            raise self._wrong(path, message) from problem

    def _partition(self, database: Mapping[str, Any]) -> str | None:
        path = ("database", "history_partition")
        text = self._text(database, path) or None
        if text not in (None, "month", "week", "day"):
            raise self._wrong(path, f'\'{text}\' is no span of a partition. Write "month", "week" or "day".')
        return text

    def _flag(self, table: Mapping[str, Any], path: tuple[str, ...], *, default: bool) -> bool:
        value = table.get(path[-1], default)
        if not isinstance(value, bool):
            raise self._wrong(path, f"{path[-1]} must be true or false.")
        return value

    def _person(self, document: Mapping[str, Any], name: str) -> DemoPerson:
        path = ("people", name)
        person = self._table(document, path, _PERSON_KEYS)
        password = self._text(person, (*path, "password"))
        if not password:
            raise self._wrong(path, f"the person '{name}' has no password. Add password = \"...\".")
        is_admin = self._flag(person, (*path, "admin"), default=False)
        return DemoPerson(
            name=name,
            password=password,
            display_name=self._text(person, (*path, "display_name")) or name,
            groups=self._texts(person, (*path, "groups")),
            is_admin=is_admin,
        )

    def _table(
        self, document: Mapping[str, Any], path: tuple[str, ...], allowed: Collection[str] | None = None
    ) -> Mapping[str, Any]:
        """The table at *path*, empty where absent; its keys are among *allowed* (None: any)."""
        table: Any = document
        for key in path:
            table = table.get(key, {})
            if not isinstance(table, dict):
                raise self._wrong(path, f"'{'.'.join(path)}' must be a table. Write [{'.'.join(path)}].")
        found = cast("Mapping[str, Any]", table)
        if allowed is not None:
            self._check_keys(found, path, allowed)
        return found

    def _check_keys(self, table: Mapping[str, Any], path: tuple[str, ...], allowed: Collection[str]) -> None:
        for key in table:
            if key not in allowed:
                where = f"[{'.'.join(path)}]" if path else "the file"
                raise self._wrong((*path, key), f"unknown key '{key}' in {where}. Allowed: {', '.join(allowed)}.")

    def _text(self, table: Mapping[str, Any], path: tuple[str, ...]) -> str:
        value = table.get(path[-1], "")
        if not isinstance(value, str):
            raise self._wrong(path, f"{path[-1]} must be a text in quotes.")
        return value

    def _texts(self, table: Mapping[str, Any], path: tuple[str, ...]) -> tuple[str, ...]:
        value = table.get(path[-1], [])
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in cast("list[Any]", value)):
            raise self._wrong(path, f'{path[-1]} must be a list of texts, like ["one", "two"].')
        return tuple(cast("list[str]", value))

    def _wrong(self, path: tuple[str, ...], message: str) -> SettingsError:
        return SettingsError(f"{self.file}:{_line_of(self.text, path)}: {message}")


def _line_of(text: str, path: tuple[str, ...]) -> int:
    """Where *path* is written (1-based); its table's line or 1 where that cannot be told, as tomllib keeps no lines."""
    section: tuple[str, ...] = ()
    best = 1
    for number, line in enumerate(text.splitlines(), start=1):
        written = line.split("#")[0].strip()
        if header := re.fullmatch(r"\[+\s*(.+?)\s*\]+", written):
            section = _dotted(header[1])
            if section == path[: len(section)]:
                best = number
            if section == path:
                return number
        elif "=" in written and (*section, *_dotted(written.split("=")[0].strip())) == path:
            return number
    return best


def _dotted(key: str) -> tuple[str, ...]:
    parts = re.findall(r'"([^"]*)"|\'([^\']*)\'|([^.\s]+)', key)
    return tuple(next(part for part in groups if part) if any(groups) else "" for groups in parts)


def _anchored(url: str, folder: Path) -> str:
    """A SQLite file named relatively lies relative to the settings file, wherever the command runs."""
    prefix = "sqlite:///"
    name = url.removeprefix(prefix)
    if not url.startswith(prefix) or not name or name.startswith((":memory:", "/", "file:")):
        return url
    return prefix + str(folder.resolve() / name)
