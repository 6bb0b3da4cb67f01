"""Finds the form of an element: embedded, deployed beside the diagram, or generated from its fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bpmn.expressions import ExpressionError, compile_expression
from bpmn.model import FlowNode, Form, Process, UserTaskBinding
from engine.clock import Clock
from engine.errors import NotFound
from engine.forms.description import FormDescription
from engine.forms.formjs import describe_formjs
from engine.forms.generated import describe_fields, describe_json_schema
from engine.programs import Loaded, Programs
from engine.store import definitions
from engine.store.transaction import Store

_NOTHING: Mapping[str, Any] = {}


class FormFinder:
    def __init__(self, store: Store, programs: Programs, clock: Clock) -> None:
        self._store = store
        self._programs = programs
        self._clock = clock

    def of_element(
        self,
        definition_id: str,
        element_id: str | None,
        variables: Mapping[str, Any] = _NOTHING,
        *,
        form_key: str | None = None,
    ) -> FormDescription | None:
        """*element_id*: None for the start event. *form_key*: as evaluated for a task.

        None where there is no form, or one kept outside of the engine. Raises NotFound for a form that the
        diagram names and nobody deployed.
        """
        loaded = self._programs.get(definition_id)
        node = _start(loaded.process) if element_id is None else _node(loaded.process, element_id)
        form = _form_of(node) if node is not None else None
        if node is None or form is None:
            return None
        if form.fields:
            return describe_fields(node.id, form.fields, variables, form.business_key_field)
        if form.schema is not None:
            return _read(form.schema, f"the form of '{node.id}' in {loaded.file}", variables)
        if form.form_id is not None:
            return self._deployed(loaded, form.form_id, form, variables)
        if form.json_schema is not None:
            return self._json_schema(loaded, node.id, form.json_schema, variables)
        return self._by_key(loaded, form_key or form.key, variables)

    def _deployed(self, loaded: Loaded, form_id: str, form: Form, variables: Mapping[str, Any]) -> FormDescription:
        binding, version = form.version_binding, self._version(form, variables)
        with self._store.reading() as connection:
            row = definitions.find(
                connection,
                definitions.FORMS,
                form_id,
                binding=binding,
                version=version,
                deployment_id=loaded.deployment_id,
            )
            file = row and definitions.find_resource(connection, row.deployment_id, row.resource_name)
        if file is None:
            wanted = definitions.wanted(binding, version)
            raise NotFound(f"There is no form '{form_id}'{wanted}, which {loaded.file} names. Deploy its .form file.")
        return _read(file.data.decode(), file.name, variables)

    def _version(self, form: Form, variables: Mapping[str, Any]) -> str | None:
        """Raises NotFound for an expression that has no value over *variables*."""
        if form.version is None:
            return None
        try:
            return str(compile_expression(form.version)(variables, self._clock.now()))
        except ExpressionError as problem:
            raise NotFound(f"The version of the form '{form.form_id}' has no value: {problem}") from problem

    def _json_schema(self, loaded: Loaded, node_id: str, name: str, variables: Mapping[str, Any]) -> FormDescription:
        data = self._file(loaded, name)
        if data is None:
            raise NotFound(f"There is no file '{name}', which {loaded.file} names. Deploy it with the diagram.")
        try:
            return describe_json_schema(node_id, data.decode(), variables)
        except ValueError as problem:
            raise NotFound(f"{name} is no form: {problem}.") from problem

    def _by_key(self, loaded: Loaded, key: str | None, variables: Mapping[str, Any]) -> FormDescription | None:
        """camunda-forms:deployment:FILE, camunda-forms:bpmn:ID, or a key of some other application's."""
        kind, _, name = (key or "").rpartition(":")
        if kind == "camunda-forms:bpmn":
            embedded = loaded.process.embedded_forms.get(name)
            return _read(embedded, f"'{name}' in {loaded.file}", variables) if embedded else None
        data = self._file(loaded, name) if name.endswith(".form") else None
        return _read(data.decode(), name, variables) if data is not None else None

    def _file(self, loaded: Loaded, name: str) -> bytes | None:
        with self._store.reading() as connection:
            row = definitions.find_resource(connection, loaded.deployment_id, name)
        return row.data if row is not None else None


def _read(text: str, name: str, variables: Mapping[str, Any]) -> FormDescription:
    try:
        return describe_formjs(text, variables)
    except (ValueError, RecursionError) as problem:
        raise NotFound(f"{name} is no form: {problem}.") from problem


def _start(process: Process) -> FlowNode | None:
    """The none start event; else the first that has a form."""
    plain = [node for node in process.start_events if node.event is None or node.event.kind == "none"]
    return next(iter(plain), None) or next((node for node in process.start_events if node.form), None)


def _node(process: Process, element_id: str) -> FlowNode:
    try:
        return process.node(element_id)
    except KeyError:
        raise NotFound(f"Process '{process.key}' has no element '{element_id}'.") from None


def _form_of(node: FlowNode) -> Form | None:
    if node.form is not None:
        return node.form
    return node.binding.form if isinstance(node.binding, UserTaskBinding) else None
