"""JSON schemas of answers: checked when declared, and against what a model answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast


def check_schema(schema: Mapping[str, Any]) -> str | None:
    """What is wrong with *schema* as the schema of an answer; None when nothing is."""
    try:
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import SchemaError
    except ImportError:
        return None  # without the extra 'agents' no agent runs, and says so

    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as problem:
        where = "/".join(str(step) for step in problem.absolute_path)
        return f"is no valid JSON schema{f' at {where}' if where else ''}: {problem.message}."
    if schema.get("type") != "object":
        return 'must describe an object: its fields become variables. Add "type": "object".'
    if foreign := [reference for reference in _references(schema) if not reference.startswith("#/$defs/")]:
        return f"refers to '{foreign[0]}'. Only references into its own $defs are followed."
    return None


def violations(value: Any, schema: Mapping[str, Any]) -> list[str]:
    """What is wrong with *value*, one line a violation; written for the model, so it may quote the value."""
    from jsonschema import Draft202012Validator
    from referencing import Registry

    # An empty registry: a schema never makes the validator fetch another one.
    validator: Any = Draft202012Validator(dict(schema), registry=Registry())
    problems = sorted(validator.iter_errors(value), key=lambda problem: [str(step) for step in problem.absolute_path])
    return [f"{problem.json_path}: {problem.message}" for problem in problems[:20]]


def _references(node: object) -> Iterable[str]:
    if isinstance(node, Mapping):
        for key, value in cast("Mapping[str, object]", node).items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for value in cast("list[object]", node):
            yield from _references(value)
