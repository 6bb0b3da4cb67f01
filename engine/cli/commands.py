"""All commands, gathered. Each group is a module; engine and web are imported only by the command that runs."""

from __future__ import annotations

import typer

from engine.cli import (
    batches,
    cleanup,
    data,
    events,
    instances,
    migrations,
    models,
    observing,
    operations,
    people,
    scenarios,
    server,
    steering,
    tasks,
    tokens,
)

app = typer.Typer(
    name="fermata",
    help="Runs BPMN diagrams: deploy, start, work, look.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 failed or refused, 2 wrong usage or a bad file.",
)


@app.callback()
def root() -> None:
    """Runs BPMN diagrams: deploy, start, work, look."""


_RUN = "Run"
_MODELS = "Models"
_INSTANCES = "Instances"
_TASKS = "User tasks"
_OPERATIONS = "Operations"

app.command(rich_help_panel=_RUN)(server.up)
app.command(rich_help_panel=_RUN)(operations.work)
app.command(rich_help_panel=_RUN)(operations.workers)
app.command(rich_help_panel=_RUN)(observing.health)
app.command("test", rich_help_panel=_RUN)(scenarios.run_scenarios)
app.command(rich_help_panel=_MODELS)(models.deploy)
app.command(rich_help_panel=_MODELS)(models.validate)
app.command(rich_help_panel=_MODELS)(models.definitions)
app.command(rich_help_panel=_INSTANCES)(instances.start)
app.command("list", rich_help_panel=_INSTANCES)(instances.list_instances)
app.command(rich_help_panel=_INSTANCES)(instances.show)
app.command(rich_help_panel=_INSTANCES)(instances.history)
app.command(rich_help_panel=_INSTANCES)(events.message)
app.command(rich_help_panel=_INSTANCES)(events.messages)
app.command(rich_help_panel=_INSTANCES)(events.signal)
app.command("tasks", rich_help_panel=_TASKS)(tasks.list_tasks)
app.command(rich_help_panel=_TASKS)(tasks.claim)
app.command(rich_help_panel=_TASKS)(tasks.unclaim)
app.command(rich_help_panel=_TASKS)(tasks.complete)
app.command(rich_help_panel=_OPERATIONS)(operations.incidents)
app.command(rich_help_panel=_OPERATIONS)(operations.retry)
app.command(rich_help_panel=_OPERATIONS)(operations.cancel)
app.command(rich_help_panel=_OPERATIONS)(operations.suspend)
app.command(rich_help_panel=_OPERATIONS)(operations.activate)
app.command(rich_help_panel=_OPERATIONS)(steering.modify)
app.command(rich_help_panel=_OPERATIONS)(steering.restart)
app.command(rich_help_panel=_OPERATIONS)(cleanup.cleanup)
app.add_typer(migrations.app, name="migrate", rich_help_panel=_OPERATIONS)
app.add_typer(batches.app, name="batch", rich_help_panel=_OPERATIONS)
app.add_typer(people.app, name="people", rich_help_panel=_OPERATIONS)
app.add_typer(tokens.app, name="tokens", rich_help_panel=_OPERATIONS)
app.add_typer(data.app, name="data", rich_help_panel=_OPERATIONS)
