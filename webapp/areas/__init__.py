"""The rooms of the house: one blueprint an area. A new room is a module here and a line in each list."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint

from webapp.areas import auth, health, home, instances, processes, tasks


@dataclass(frozen=True, slots=True)
class Room:
    """An entry of the main navigation; *area* is the blueprint that it stands for."""

    label: str
    endpoint: str
    area: str


AREAS: tuple[Blueprint, ...] = (auth.area, health.area, home.area, tasks.area, processes.area, instances.area)
ROOMS: tuple[Room, ...] = (
    Room("Home", "home.show", "home"),
    Room("Tasks", "tasks.list_tasks", "tasks"),
    Room("Processes", "processes.list_processes", "processes"),
    Room("Instances", "instances.list_instances", "instances"),
)
