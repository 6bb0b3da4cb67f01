"""The HTTP connectors of Camunda 7 and 8, for hosts that the application names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.model import Job

NAMES = ("io.camunda:http-json:1", "http-connector")
"""What diagrams call them: the REST connector of Camunda 8, the http-connector of 7."""


class HttpConnector:
    """Does the jobs of the connector *name*. What it needs is imported with the first of them."""

    def __init__(self, name: str, allowed_hosts: Sequence[str]) -> None:
        self._name = name
        self._allowed_hosts = allowed_hosts

    def __call__(self, job: Job, journal: Any, /) -> dict[str, Any]:
        from engine.executors.http.client import HttpClient
        from engine.executors.http.connectors import BY_NAME

        return BY_NAME[self._name](HttpClient(self._allowed_hosts), job)
