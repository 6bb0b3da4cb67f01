"""The rooms of the house: one blueprint an area. A new room is a module here and a line in each list."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint

from engine.model import Person
from webapp.areas import auth, batches, health, home, instances, processes, tasks, workers
from webapp.permissions import may_operate


@dataclass(frozen=True, slots=True)
class Room:
    """An entry of the main navigation; *area* is the blueprint that it stands for."""

    label: str
    endpoint: str
    area: str
    is_for_operators: bool = False

    def is_for(self, person: Person) -> bool:
        return not self.is_for_operators or may_operate(person)


AREAS: tuple[Blueprint, ...] = (
    *(auth.area, health.area, home.area, tasks.area, processes.area, instances.area, batches.area, workers.area),
)
ROOMS: tuple[Room, ...] = (
    Room("Home", "home.show", "home"),
    Room("Tasks", "tasks.list_tasks", "tasks"),
    Room("Processes", "processes.list_processes", "processes"),
    Room("Instances", "instances.list_instances", "instances"),
    Room("Batches", "batches.list_batches", "batches", is_for_operators=True),
    Room("Workers", "workers.list_workers", "workers", is_for_operators=True),
)
