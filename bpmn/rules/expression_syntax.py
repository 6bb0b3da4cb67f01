"""Every expression and script of a diagram can be read before the first instance needs it (8.4.6)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Final, cast

from bpmn.document import Element
from bpmn.expressions import ExpressionError, UnsupportedPython, compile_expression
from bpmn.expressions.javascript import beyond_sandbox
from bpmn.model import Definitions, Dialect, Expression, FlowElements, Language, Process, Script
from bpmn.rules.review import Review, name_of

RULE: Final = "expression-syntax"


# In plain BPMN a text in no named language is Python.
_OTHER_LANGUAGES: Final = {Language.PYTHON: " If it is not Python, name its language, or begin FEEL with '='."}


def check(review: Review) -> None:
    seen: set[tuple[str, object]] = set()
    for element_id, source in _sources(review.definitions):
        element = review.document.by_id.get(element_id)
        if element is None or (element_id, source) in seen:
            continue
        seen.add((element_id, source))
        problem = _problem(source)
        if problem:
            where = replaced(element, source.line)
            if isinstance(source, Expression) and review.definitions.dialect is Dialect.BPMN:
                problem += _OTHER_LANGUAGES.get(source.language, "")
            review.error(RULE, where, f"{problem} Correct it at '{name_of(element)}'.")


def replaced(element: Element, line: int) -> Element:
    """*element* as seen from the line where its expression stands."""
    return Element(element.name, element.attributes, "", line or element.line, element.parent)


def _problem(source: Expression | Script) -> str | None:
    if isinstance(source, Script):
        return _script_problem(source)
    if source.language is Language.JAVASCRIPT:
        return beyond_sandbox(source.text)
    if source.language is Language.GROOVY:
        return f"'{source.text}' is groovy, which this engine does not run: use FEEL, JUEL, JavaScript or Python."
    try:
        compile_expression(source)
    except UnsupportedPython as error:
        return _python_problem(source.text) and str(error)
    except ExpressionError as error:
        return str(error)
    return None


def _script_problem(script: Script) -> str | None:
    match script.language:
        case Language.JAVASCRIPT:
            return beyond_sandbox(script.text)
        case Language.GROOVY:
            return (
                "The script is in groovy, which this engine does not run: use JavaScript, Python or FEEL, "
                "or make it a service task with a handler."
            )
        case Language.PYTHON:
            return _python_problem(script.text)
        case _:
            return _problem(Expression(script.language, script.text, script.line))


def _python_problem(text: str) -> str | None:
    try:
        ast.parse(text)
    except SyntaxError as error:
        return f"Not valid Python: {error.msg} (line {error.lineno} of the text)."
    except (ValueError, MemoryError, RecursionError):
        return "Not valid Python: the text is nested too deeply or has a null byte."
    return None


def _sources(definitions: Definitions) -> Iterator[tuple[str, Expression | Script]]:
    """Every expression and script, with the id of the element it belongs to."""
    for process in definitions.processes:
        if process.is_executable:  # others are never run: people write prose there
            yield from sources_of(process)


def sources_of(process: Process) -> Iterator[tuple[str, Expression | Script]]:
    """Those of one process."""
    for source in inside(process.listeners):
        yield process.key, source
    for elements in (process.elements, *(n.body for n in process.elements.walk() if n.body is not None)):
        for flow in elements.flows.values():
            for source in inside(flow):
                yield flow.id, source
        for node in elements.nodes.values():
            for source in inside(node):
                yield node.id, source


def inside(record: object) -> Iterator[Expression | Script]:
    """What a record holds, at any depth but for the nodes of a subprocess."""
    stack: list[object] = [record]
    while stack:
        value = stack.pop()
        if isinstance(value, Expression | Script):
            yield value
        elif isinstance(value, tuple):
            stack.extend(cast(tuple[object, ...], value))
        elif is_dataclass(value) and not isinstance(value, FlowElements | type):
            stack.extend(getattr(value, part.name) for part in fields(value))
