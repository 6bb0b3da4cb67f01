"""The application that Celery's workers run: `celery -A engine.executors.celery_app worker`.

They read the process applications in the folders that FERMATA_APPLICATIONS names, else in the current one, and find
the database as `fermata` does.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from celery.signals import worker_process_shutdown

from engine.application import Application, load_application
from engine.engine import Engine
from engine.executors.celery import Runner, add_task, make_app, merged
from engine.observability.starting import watch_worker
from engine.settings import database_url

FOLDERS = "FERMATA_APPLICATIONS"


def _applications() -> list[Application]:
    folders = os.environ.get(FOLDERS, ".").split(os.pathsep)
    return [load_application(Path(folder)) for folder in folders if folder]


@cache
def _runner() -> Runner:
    """One for each process: a database connection does not survive a fork."""
    worker_process_shutdown.connect(_ending(watch_worker()), weak=False)
    engine = Engine(database_url())
    for application in _found:
        application.register(engine)
    return Runner(engine, app, _settings)


def _ending(end: Callable[[], None]) -> Callable[..., None]:
    def on_signal(**_: Any) -> None:
        end()

    return on_signal


_found = _applications()
_settings = merged([application.settings for application in _found])
app = make_app(_settings)
add_task(app, _runner)
