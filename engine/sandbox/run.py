"""Runs a script: in the subset where it fits, else in a worker process under limits."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pydantic_monty as monty

from bpmn.expressions import (
    ExpressionError,
    OverBudget,
    UnknownVariable,
    UnsupportedPython,
    YearMonthDuration,
    compile_expression,
    compile_script,
)
from bpmn.model import Expression, Language, Script
from engine.sandbox.entries import PRELUDE, with_entries
from engine.sandbox.javascript import run_javascript
from engine.sandbox.limits import DEFAULT_LIMITS, LONGEST_SCRIPT, Limits, ScriptError, UnknownName
from engine.sandbox.names import Names, names_of
from engine.sandbox.plain import NotPlain, Plain
from engine.sandbox.pool import SandboxUnavailable, sandbox_pool
from engine.scripting import ScriptResult, Standing

_COLLECTED = "fermata_assigned"
_OFFERED = ("datetime", "decimal", "json", "math", "random", "re", "time")
"""Modules that SpiffWorkflow's engines hand to every script, which cannot import them there."""


def run_script(
    script: Script,
    variables: Mapping[str, Any],
    limits: Limits = DEFAULT_LIMITS,
    now: datetime | None = None,
    standing: Standing | None = None,
) -> ScriptResult:
    """Run *script* on a copy of *variables*. The same input gives the same result: the sandbox's clock
    stands at *now* (1970 without one) and its random numbers repeat. *standing*: where in which instance.

    Raises ScriptError.
    """
    match script.language:
        case Language.PYTHON:
            return _run_python(script.text, variables, limits, now)
        case Language.FEEL | Language.JUEL | Language.XPATH | Language.LITERAL | Language.JSON:
            try:
                expression = Expression(script.language, script.text, script.line)
                return ScriptResult(compile_expression(expression)(variables, now))
            except ExpressionError as error:
                raise ScriptError(str(error)) from None
        case Language.JAVASCRIPT:
            return run_javascript(script.text, variables, limits, now, standing, on_java=script.on_java)
        case Language.GROOVY:
            raise ScriptError(
                f"Scripts in {script.language} are not supported. Write it in JavaScript, Python or FEEL, "
                "or make the task a service task with a handler."
            )


def evaluate(expression: Expression, variables: Mapping[str, Any], now: datetime | None = None) -> Any:
    """The value of *expression*, with the sandbox behind the Python subset. Raises ExpressionError."""
    if expression.language is Language.JAVASCRIPT:
        return _javascript_value(expression, variables, now)
    try:
        compiled = compile_expression(expression)
    except UnsupportedPython:
        try:
            return _run_in_worker(expression.text.strip(), variables, DEFAULT_LIMITS, now).value
        except ScriptError as error:
            raise ExpressionError(error.message, expression, None, sorted(variables)) from None
    return compiled(variables, now)


def _javascript_value(expression: Expression, variables: Mapping[str, Any], now: datetime | None) -> Any:
    try:
        result = run_javascript(expression.text, variables, now=now, keeps_names=False)
    except ScriptError as error:
        kind = UnknownVariable if isinstance(error, UnknownName) else ExpressionError
        raise kind(str(error), expression, None, sorted(variables)) from None
    problem = ""
    if result.error:
        problem = f"An expression cannot throw the BPMN error '{result.error[0]}'. Throw it in a script task."
    elif result.assigned or result.local:
        names = ", ".join(sorted({*result.assigned, *result.local}))
        problem = f"An expression cannot set variables ({names}). Set them in a script task."
    if problem:
        raise ExpressionError(problem, expression, None, sorted(variables))
    return result.value


def _run_python(text: str, variables: Mapping[str, Any], limits: Limits, now: datetime | None) -> ScriptResult:
    if len(text) > LONGEST_SCRIPT:
        raise ScriptError(f"The script is longer than {LONGEST_SCRIPT} characters.")
    try:
        value, assigned = compile_script(text)(variables)
    except (UnsupportedPython, OverBudget):  # more than the subset does: the worker has its own limits
        return _run_in_worker(text, variables, limits, now)
    except ExpressionError as error:
        raise ScriptError(error.message, _line_of(text, error.position)) from None
    return _result(value, assigned, "")


def _run_in_worker(text: str, variables: Mapping[str, Any], limits: Limits, now: datetime | None) -> ScriptResult:
    text = textwrap.dedent(text)
    try:
        names = names_of(text)
    except SyntaxError as error:
        raise ScriptError(f"Not Python: {error.msg}.", error.lineno) from None
    except (ValueError, RecursionError, MemoryError):
        raise ScriptError("Not Python: nested too deeply or with forbidden characters.") from None
    inputs = {name: _sent(variables[name]) for name in sorted(names.read) if name in variables}
    try:
        try:
            value, after, output = _fed(_imports(names, inputs), text, names, inputs, limits, now)
        except monty.MontyRuntimeError as error:
            if not _wants_entry(error):
                raise
            prelude = PRELUDE + _imports(names, inputs)
            value, after, output = _fed(prelude, with_entries(text), names, inputs, limits, now)
    except SandboxUnavailable as error:
        raise ScriptError(str(error)) from None
    except monty.MontyCrashedError as error:
        raise ScriptError(f"The sandbox process ended while it ran the script and was replaced: {error}.") from None
    except monty.MontyConversionError as error:
        raise ScriptError(f"A variable cannot be handed to the script: {error}") from None
    except monty.MontySyntaxError as error:
        raise ScriptError(f"Not Python that the sandbox knows: {error}.", _frame_line(error)) from None
    except monty.MontyRuntimeError as error:
        raise ScriptError(_explained(error, limits, variables), _frame_line(error)) from None
    except TimeoutError:
        raise ScriptError("No sandbox process became free in time. Run fewer scripts at once.") from None
    return _result(value, after, output, {name: inputs[name] for name in inputs if name not in names.assigned})


def _imports(names: Names, inputs: Mapping[str, Any]) -> str:
    """What is imported for a script that names it; a variable of that name comes first."""
    free = names.read - inputs.keys()
    lines = [f"import {module}" for module in _OFFERED if module in free]
    lines += ["from datetime import timedelta"] if "timedelta" in free else []
    return "".join(f"\n{line}" for line in lines)


def _fed(
    prelude: str, text: str, names: Names, inputs: dict[str, Any], limits: Limits, now: datetime | None
) -> tuple[Any, dict[str, Any], str]:
    """The script's value, what its names hold afterwards, and what it printed."""
    printed = monty.CollectString(limits.output)
    with _session(limits, now) as session:
        if prelude:
            session.feed_run(prelude)
        value = session.feed_run(text, inputs=inputs, print_callback=printed)
        after = session.feed_run(_collecting(names.assigned, inputs), print_callback=printed)
    return value, after, printed.output


def _wants_entry(error: monty.MontyRuntimeError) -> bool:
    cause = error.exception()
    return isinstance(cause, AttributeError) and "'dict' object" in str(cause)


def _session(limits: Limits, now: datetime | None) -> monty.MontySession:
    return sandbox_pool().checkout(
        script_name="script.py",
        limits={"max_feed_duration_secs": limits.seconds, "max_memory": limits.memory, "max_recursion_depth": 400},
        os_policy={
            "datetime": now or datetime.fromtimestamp(0).astimezone(),
            "timezone": "utc",
            "sleep": "zero",
            "random_start": {"seed": now.isoformat() if now is not None else "fermata"},
        },
    )


def _collecting(assigned: tuple[str, ...], inputs: Mapping[str, Any]) -> str:
    """Code that gives what the names hold afterwards; one that was deleted, or never reached, is left out."""
    changeable = [name for name, value in inputs.items() if isinstance(value, (list, dict)) and name not in assigned]
    lines = [f"{_COLLECTED} = {{}}"]
    for name in (*assigned, *changeable):
        lines.append(f"try:\n    {_COLLECTED}[{name!r}] = {name}\nexcept NameError:\n    pass")
    return "\n".join((*lines, _COLLECTED))


def _sent(value: Any) -> Any:
    return str(value) if isinstance(value, YearMonthDuration) else value


def _result(
    value: Any, assigned: Mapping[str, Any], output: str, before: Mapping[str, Any] | None = None
) -> ScriptResult:
    """*before*: variables that count as assigned only if they have changed."""
    plain = Plain()
    unchanged = before or {}
    try:
        kept = {name: plain.value(each) for name, each in assigned.items()}
    except NotPlain as error:
        raise ScriptError(f"The script assigns a variable that cannot be kept: {error}. Assign plain values.") from None
    kept = {name: each for name, each in kept.items() if name not in unchanged or each != unchanged[name]}
    try:
        return ScriptResult(plain.value(value), kept, output)
    except NotPlain as error:
        if kept:  # the value of the last line matters less than what was assigned
            return ScriptResult(None, kept, output)
        raise ScriptError(f"The script's value cannot be kept: {error}. End it with a plain value.") from None


def _explained(error: monty.MontyRuntimeError, limits: Limits, variables: Mapping[str, Any]) -> str:
    cause = error.exception()
    match cause:
        case TimeoutError() if "time limit" in str(cause):
            return f"The script ran longer than its limit of {limits.seconds:g} s. Move long work to a service task."
        case MemoryError() if str(cause).endswith(f"> {limits.output} bytes"):
            return f"The script printed more than its limit of {limits.output} bytes."
        case MemoryError():
            return f"The script used more memory than its limit of {limits.memory} bytes."
        case RecursionError():
            return "The script's functions call each other too deeply."
        case NameError():
            return f"{error}. Variables in scope: {', '.join(sorted(map(str, variables))) or 'none'}."
        case ImportError():
            return f"{error}. Scripts can import datetime, decimal, json, math, re; other work belongs in a handler."
        case _:
            return str(error).rstrip(".") + "."


def _frame_line(error: monty.MontyRuntimeError | monty.MontySyntaxError) -> int | None:
    frames = [frame for frame in error.traceback() if frame.filename == "<python-input-0>"]
    return frames[-1].line if frames else None


def _line_of(text: str, position: int | None) -> int | None:
    return None if position is None else text.count("\n", 0, position) + 1
