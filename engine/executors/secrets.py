"""Puts secrets into what a handler is handed, right before it runs; nothing of them is kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from bpmn.secrets import Uses, filled, names_in_text, placeholder
from engine.errors import EngineError
from engine.model import Job

PREFIX = "FERMATA_SECRET_"
_TAKEN = ("KEY",)  # FERMATA_SECRET_KEY signs the sessions of the web pages
_MARK = "secrets."  # in every text that names a secret
_SHORTEST = 4  # characters of a secret that is looked for in what comes back

SecretProvider = Callable[[str], str | None]
"""The value of a secret by its name; None when there is none."""


class UnknownSecret(EngineError):
    """A job needs a secret that nobody has set."""

    def __init__(self, name: str) -> None:
        remedy = f"Set {PREFIX}{name} where the workers run, then retry."
        if name in _TAKEN:
            remedy = f"{PREFIX}{name} is a setting of Fermata's own: give the secret another name in the diagram."
        super().__init__(f"There is no secret '{name}'. {remedy}")
        self.name = name


def from_environment(name: str) -> str | None:
    return None if name in _TAKEN else os.environ.get(PREFIX + name)


class Secrets:
    def __init__(self, provider: SecretProvider | None = None) -> None:
        self._provider = provider or from_environment

    def handed(self, job: Job, uses: Uses) -> tuple[Job, Mapping[str, str]]:
        """*job* with the secrets that the diagram names in its headers and in what *uses* says; and these, by name.

        A text that looks like the name of a secret and comes from elsewhere stays as it is. Raises UnknownSecret.
        """
        if not uses and not any(_MARK in text for text in job.headers.values()):
            return job, {}
        headers = {key: self._values(names_in_text(text)) for key, text in job.headers.items()}
        targets = {target: self._values(names) for target, names in uses.items()}
        known = {name: value for values in (*headers.values(), *targets.values()) for name, value in values.items()}
        handed = replace(
            job,
            headers={key: filled(text, headers[key]) for key, text in job.headers.items()},
            parameters=_put_into(job.parameters, targets),
            variables=_put_into(job.variables, targets),
        )
        return handed, known

    def _values(self, names: frozenset[str]) -> dict[str, str]:
        return {name: self._value(name) for name in sorted(names)}

    def _value(self, name: str) -> str:
        value = self._provider(name)
        if value is None:
            raise UnknownSecret(name)
        return value


def without(value: Any, secrets: Mapping[str, str]) -> Any:
    """*value* with the names of *secrets* in the place of their values, at any depth."""
    if isinstance(value, str):
        for name, secret in secrets.items():
            if len(secret) >= _SHORTEST:
                value = value.replace(secret, placeholder(name))
        return value
    return _through(value, lambda inner: without(inner, secrets))


def _put_into(values: Mapping[str, Any], targets: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    return {name: _with(value, targets[name]) if name in targets else value for name, value in values.items()}


def _with(value: Any, secrets: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return filled(value, secrets)
    return _through(value, lambda inner: _with(inner, secrets))


def _through(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, Mapping):
        return {key: change(inner) for key, inner in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list):
        return [change(inner) for inner in cast("list[Any]", value)]
    return value
