"""Options that several commands share, and what is made of them."""

from __future__ import annotations

import getpass
import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from engine.errors import InvalidInput, NotFound
from engine.settings import database_url, nearest_settings, shortest_partition

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.model import ProcessInstance, UserTask

Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="Database to use. Default: fermata.toml, else FERMATA_DATABASE, else sqlite:///var/fermata.db.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Variables = Annotated[
    list[str] | None,
    typer.Option("--var", metavar="NAME=VALUE", help="A variable; VALUE is JSON if it parses, else text. Repeatable."),
]
VariablesFile = Annotated[
    Path | None, typer.Option("--vars", metavar="FILE", help="A JSON file with variables; --var wins over it.")
]
User = Annotated[str | None, typer.Option("--user", metavar="NAME", help="Who does this. Default: you.")]
InstanceReference = Annotated[str, typer.Argument(metavar="INSTANCE", help="An instance's id or its business key.")]
TaskReference = Annotated[
    str, typer.Argument(metavar="TASK", help="A task's id, or its element id where only one such task is open.")
]


@contextmanager
def opened(url: str | None, *, migrate: bool = True) -> Generator[Engine]:
    """The engine on the chosen database."""
    from engine.engine import Engine

    with Engine(database_url(url), migrate=migrate, **_of_history(url)) as engine:
        yield engine


def _of_history(url: str | None) -> dict[str, Any]:
    """As the nearest application keeps it: what it says of its database holds for no other one."""
    nearest = nearest_settings()
    if nearest is None or url not in (None, nearest.database_url):
        return {}
    partition = shortest_partition([nearest])
    return {"history_time_to_live": nearest.history_time_to_live, "history_partition": partition}


def folder_of(url: str) -> Path:
    """The folder for what belongs to this database: that of a SQLite file, which the engine makes."""
    name = url.removeprefix("sqlite:///").split("?")[0]
    if not url.startswith("sqlite:///") or not name or name.startswith((":memory:", "file:")):
        return Path("var")
    return Path(name).parent


def read_variables(pairs: Sequence[str] | None, file: Path | None) -> dict[str, Any]:
    """Raises typer.BadParameter for a pair without '=' or a file that holds no JSON object."""
    variables = _from_file(file) if file is not None else {}
    for pair in pairs or ():
        name, separator, text = pair.partition("=")
        if not separator or not name:
            raise typer.BadParameter(f"'{pair}' is no variable. Write it like amount=120.", param_hint="--var")
        variables[name] = _value(text)
    return variables


def read_pairs(pairs: Sequence[str] | None, option: str) -> dict[str, str]:
    """Like read_variables, but every value stays the text it is."""
    split = [pair.partition("=") for pair in pairs or ()]
    for name, separator, _ in split:
        if not separator or not name:
            raise typer.BadParameter(f"'{name}' has no value. Write it like name=value.", param_hint=option)
    return {name: text for name, _, text in split}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _from_file(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as problem:
        raise typer.BadParameter(f"{file} cannot be read: {problem.strerror}.", param_hint="--vars") from problem
    except ValueError as problem:
        raise typer.BadParameter(f"{file} is not JSON: {problem}.", param_hint="--vars") from problem
    if not isinstance(document, Mapping):
        raise typer.BadParameter(f'{file} must hold an object, like {{"amount": 120}}.', param_hint="--vars")
    return dict(cast("Mapping[str, Any]", document))


def actor(user: str | None = None) -> str:
    """Who asked, as history has it."""
    try:
        return user or getpass.getuser()
    except (KeyError, OSError):  # a container without a passwd entry
        return "unknown"


def find_instance(engine: Engine, reference: str) -> ProcessInstance:
    """The instance of that id or business key. Raises NotFound, InvalidInput when several share the key."""
    try:
        return engine.read.instance(reference)
    except NotFound:
        found = engine.read.instances(business_key=reference, limit=20).items
    if len(found) > 1:
        ids = ", ".join(f"{instance.id} ({instance.state})" for instance in found)
        raise InvalidInput(f"Several instances have the business key '{reference}': {ids}. Name one by its id.")
    if not found:
        raise NotFound(f"There is no instance '{reference}'. 'fermata list' shows which there are.")
    return found[0]


def find_task(engine: Engine, reference: str) -> UserTask:
    """The open task of that id or, where it is the only one, element id. Raises NotFound, InvalidInput."""
    try:
        return engine.read.task(reference)
    except NotFound:
        tasks = engine.read.tasks(scope="all", limit=1000).items
    found = [task for task in tasks if reference in (task.element_id, f"{task.business_key}/{task.element_id}")]
    if len(found) > 1:
        ids = ", ".join(task.id for task in found[:5])
        raise InvalidInput(f"{len(found)} tasks are open at '{reference}': {ids}. Name one by its id.")
    if not found:
        raise NotFound(f"There is no open task '{reference}'. 'fermata tasks' shows which there are.")
    return found[0]
