"""What a token may be used for."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    READ = "read"  # definitions, instances, variables, history, incidents
    DEPLOY = "deploy"
    START = "start"  # process instances; evaluate decisions
    MESSAGES = "messages"  # messages and signals
    TASKS = "tasks"  # user tasks
    WORKERS = "workers"  # external tasks
    OPERATE = "operate"  # variables, cancel, suspend, activate, jobs, incidents
