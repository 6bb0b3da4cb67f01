"""Runs one JavaScript text in a worker process: its request, its answer, its errors in words."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bpmn.expressions.javascript import names_in, reads_by_computed_name
from engine.sandbox.javascript.pool import NoWorker, WorkerEnded, ask
from engine.sandbox.javascript.values import NotForScripts, Sending
from engine.sandbox.limits import DEFAULT_LIMITS, LONGEST_SCRIPT, Limits, ScriptError, UnknownName
from engine.sandbox.plain import LARGEST
from engine.scripting import ScriptResult, Standing

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_DEEPEST = 100
_FRAME = re.compile(r"<input>:(\d+)(?::\d+)?")
_OF_THE_FACADE = 200_001  # as worker.py counts its lines


def run_javascript(
    text: str,
    variables: Mapping[str, Any],
    limits: Limits = DEFAULT_LIMITS,
    now: datetime | None = None,
    standing: Standing | None = None,
    *,
    on_java: bool = True,
    keeps_names: bool = True,
) -> ScriptResult:
    """*on_java*: with the objects of Java that Camunda's scripts use, and what is assigned at top level stays the
    script's own. *keeps_names* False: the text is an expression, whose own names nobody sees. *variables* may have
    `facts`: what the object `execution` tells of the instance.

    Raises ScriptError.
    """
    _check_length(text)
    sending = Sending()
    facts: Mapping[str, Any] = getattr(variables, "facts", {})
    sent = _sent(text, variables)
    request = {
        "text": text,
        "variables": _encoded(sending, sent),
        "words": sorted(names_in(text)),
        "about": _about(facts, standing, sending),
        "now": int(((now or _FIRST) - _FIRST) / timedelta(milliseconds=1)),
        "seed": _seed(now, f"{_place(facts, standing)} {standing.event}" if standing else ""),
        "output": limits.output,
        "most": LARGEST,
        "deepest": _DEEPEST,
        "onJava": on_java,
        "keepsNames": keeps_names,
    }
    answer = _asked(limits, {"request": request})
    if "failure" in answer:
        raise _failed(answer["failure"], limits, variables)
    told = json.loads(answer["answer"])
    if "failure" in told:
        raise _failed(told["failure"]["message"] + "\n" + told["failure"]["stack"], limits, variables)
    return _result(sending, sent, told)


def problem_in(text: str) -> str | None:
    """What is wrong with the syntax of *text*, which is not run."""
    try:
        _check_length(text)
        failure: str = _asked(DEFAULT_LIMITS, {"text": text})["failure"]
    except ScriptError as error:
        return str(error)
    if failure.startswith("read"):
        return None
    message, line = _message_of(failure)
    return f"Not valid JavaScript: {message.removeprefix('SyntaxError: ')} (line {line or 1} of the text)."


def _check_length(text: str) -> None:
    if len(text) > LONGEST_SCRIPT:
        raise ScriptError(f"The script is longer than {LONGEST_SCRIPT} characters.")


def _sent(text: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Only those variables travel that the text names, unless it computes names."""
    names = {name for name in names_in(text) if name in variables}
    if reads_by_computed_name(text):
        names |= {str(name) for name in variables}
    return {name: variables[name] for name in sorted(names)}


def _encoded(sending: Sending, variables: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in variables.items():
        try:
            found[name] = sending.encoded(value)
        except NotForScripts as problem:
            raise ScriptError(f"The variable '{name}' cannot be handed to the script: it has {problem}.") from None
    return found


def _about(facts: Mapping[str, Any], standing: Standing | None, sending: Sending) -> dict[str, Any]:
    about: dict[str, Any] = {"facts": dict(facts), "activityInstanceId": None, "event": None, "local": [], "task": None}
    if standing is None:
        return about
    if task := standing.task:
        about["task"] = {
            "assignee": task.assignee,
            "priority": task.priority,
            "dueDate": sending.encoded(task.due_at),
            "followUpDate": sending.encoded(task.follow_up_at),
            "canChange": task.can_change,
        }
    return about | {
        "activityInstanceId": _place(facts, standing),
        "event": standing.event or None,
        "local": list(standing.local),
    }


def _place(facts: Mapping[str, Any], standing: Standing) -> str:
    return f"{facts.get('processInstanceId', '')}.{standing.activity_id}"


def _seed(now: datetime | None, place: str) -> list[int]:
    """Four numbers of 32 bits: the same at the same time and place."""
    digest = hashlib.sha256(f"{now.isoformat() if now else ''} {place}".encode()).digest()
    return [int.from_bytes(digest[at : at + 4], "big", signed=True) for at in (0, 4, 8, 12)]


def _asked(limits: Limits, message: dict[str, Any]) -> dict[str, Any]:
    bounds = {"seconds": limits.seconds, "memory": limits.memory}
    try:
        return ask({"limits": bounds, **message}, limits.seconds)
    except NoWorker as problem:
        raise ScriptError(str(problem)) from None
    except WorkerEnded as problem:
        if problem.ran_too_long:
            raise ScriptError(_TOO_LONG.format(limits.seconds)) from None
        raise ScriptError("The sandbox process ended while it ran the script and was replaced.") from None


def _result(sending: Sending, sent: Mapping[str, Any], told: Mapping[str, Any]) -> ScriptResult:
    try:
        assigned = {name: sending.decoded(value) for name, value in told["assigned"]}
        local = {name: sending.decoded(value) for name, value in told["local"]}
        task = {name: sending.decoded(value) for name, value in told["task"]}
        value = sending.decoded(told.get("value"))
    except NotForScripts as problem:
        raise ScriptError(f"The script made {problem}, which cannot be kept.") from None
    if told.get("unkept") and not (assigned or local):
        raise ScriptError(f"The script's value cannot be kept: {told['unkept']}. End it with a plain value.")
    assigned = {name: sending.kept(sent[name], each) if name in sent else each for name, each in assigned.items()}
    error = told.get("error")
    return ScriptResult(
        value, assigned, told["printed"], local, task, (error["code"], error["message"]) if error else None
    )


_TOO_LONG = "The script ran longer than its limit of {:g} s. Move long work to a service task."


def _failed(failure: str, limits: Limits, variables: Mapping[str, Any]) -> ScriptError:
    message, line = _message_of(failure)
    if message.startswith("InternalError: interrupted"):
        return ScriptError(_TOO_LONG.format(limits.seconds))
    if "out of memory" in message:
        return ScriptError(f"The script used more memory than its limit of {limits.memory} bytes.")
    if message.startswith("ReferenceError") and message.endswith("is not defined"):
        names = ", ".join(sorted(map(str, variables))) or "none"
        return UnknownName(f"{message}. Variables in scope: {names}.", line)
    return ScriptError(message.rstrip(".") + ".", line)


def _message_of(failure: str) -> tuple[str, int | None]:
    """The first line of an error with its stack, and the line of the script that it is about."""
    message, _, stack = failure.partition("\n")
    lines = [int(found[1]) for found in _FRAME.finditer(stack)]
    return message[:500], next((line for line in lines if line < _OF_THE_FACADE), None)
