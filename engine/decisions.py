"""Deployed decisions, found by the binding that a business rule task names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bpmn.expressions import ExpressionError
from engine.errors import InvalidInput, NotFound
from engine.events import RequiredDecision
from engine.interpreter.errors import ActivityFailed
from engine.store import definitions
from engine.store.codec import normalise
from engine.store.transaction import Store

if TYPE_CHECKING:
    from bpmn.dmn import DecisionModel


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision's value, and what it came from. *output*: the name of a table's only output. *required*: the
    decisions that it depends on, in the order they were made."""

    value: Any
    rules: tuple[str, ...]
    inputs: Mapping[str, Any]
    output: str | None
    required: tuple[RequiredDecision, ...] = ()


class Decisions:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._model = lru_cache(maxsize=256)(self._read)

    def decide(
        self,
        key: str,
        binding: str,
        version: str | None,
        variables: Mapping[str, Any],
        now: datetime,
        deployment_id: str | None = None,
    ) -> Outcome:
        """Raises ActivityFailed, also where there is no such decision."""
        from bpmn.dmn import DecisionError, decide  # not before a decision is made

        try:
            result = decide(self._find(key, binding, version, deployment_id), key, variables, now)
        except (DecisionError, ExpressionError, NotFound) as problem:
            raise ActivityFailed("decision", str(problem)) from problem
        required = tuple(
            RequiredDecision(made.id, made.inputs, made.value, made.rules) for made in result.decisions[:-1]
        )
        return Outcome(result.value, result.rules, result.inputs, result.output, required)

    def evaluate(self, key: str, variables: Mapping[str, Any], version: int | None, now: datetime) -> Outcome:
        """Outside of any process. Raises NotFound, InvalidInput where it cannot be evaluated over *variables*."""
        binding = "latest" if version is None else "version"
        try:
            return self.decide(key, binding, None if version is None else str(version), normalise(variables), now)
        except ActivityFailed as failure:
            if isinstance(failure.__cause__, NotFound):
                raise failure.__cause__ from failure
            raise InvalidInput(failure.message) from failure

    def _find(self, key: str, binding: str, version: str | None, deployment_id: str | None) -> DecisionModel:
        with self._store.reading() as connection:
            row = definitions.find(
                connection, definitions.DECISIONS, key, binding=binding, version=version, deployment_id=deployment_id
            )
        if row is None:
            wanted = definitions.wanted(binding, version)
            raise NotFound(f"There is no decision '{key}'{wanted}. Deploy the .dmn file that has it.")
        return self._model(row.deployment_id, row.resource_name)

    def _read(self, deployment_id: str, name: str) -> DecisionModel:
        from bpmn.dmn import link, read_dmn

        with self._store.reading() as connection:
            file = definitions.find_resource(connection, deployment_id, name)
            model = read_dmn(file.data, name)[0] if file is not None else None
            if model is None:
                raise NotFound(f"{name} no longer reads as a decision model.")
            if not model.imports:
                return model
            others = definitions.resources_named(connection, deployment_id, "%.dmn")
        models = (read_dmn(other.data, other.name)[0] for other in others)
        return link(each for each in models if each is not None)[0][name]
