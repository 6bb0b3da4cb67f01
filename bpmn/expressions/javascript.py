"""JavaScript as text: the names it may read, and what it uses that only a Java engine or a browser has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Final

_TOKEN: Final = re.compile(
    r"""
    //[^\n]* | /\*.*?\*/
  | (?P<string>"(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' | `(?:\\.|[^`\\])*`)
  | (?P<name>[^\W\d][\w$]*|\$[\w$]*)
  | (?P<sign>\?\.|\S)
    """,
    re.VERBOSE | re.DOTALL,
)
_WORD: Final = re.compile(r"[^\W\d][\w$]*|\$[\w$]*")
_COMPUTED: Final = re.compile(r"getVariables|VariableNames|hasVariables|globalThis|\beval\b|\bFunction\b|\bthis\s*\[")
_ASKED: Final = re.compile(r"(?:getVariable(?:Local|Typed)?|hasVariable(?:Local)?)\s*\(")
_BY_NAME: Final = re.compile(r"\s*(?:'[\w$]*'|\"[\w$]*\")\s*\)")

# What the sandbox has of Java's world (engine/sandbox/javascript/facade.js).
_JAVA: Final = (
    *("java.lang.System.out", "java.lang.System.err", "java.lang.System.currentTimeMillis", "java.util.Date"),
    *("java.util.ArrayList", "java.util.HashMap", "java.util.LinkedHashMap", "java.util.Arrays.asList"),
    *("org.camunda.bpm.engine.delegate.BpmnError", "org.camunda.bpm.engine.variable.Variables"),
)
_PACKAGE: Final = re.compile(r"(java|javax|jdk|Packages)\.|(org|com|net|io|de)(\.[a-z_]\w*)*\.[A-Z]")
_ABSENT: Final = frozenset(
    {
        *("importClass", "importPackage", "JavaImporter", "load", "loadWithNewGlobal", "require", "fetch", "XML"),
        *("XMLHttpRequest", "WebSocket", "setTimeout", "setInterval", "setImmediate", "alert", "Polyglot"),
    }
)
_ON_EXECUTION: Final = frozenset(
    {
        *("getVariable", "getVariableLocal", "getVariableTyped", "getVariables", "getVariablesLocal"),
        *("getVariableNames", "getVariableNamesLocal", "hasVariable", "hasVariableLocal", "hasVariables"),
        *("setVariable", "setVariableLocal", "setVariables", "setVariablesLocal", "getProcessInstanceId", "getId"),
        *("getProcessDefinitionKey", "getProcessBusinessKey", "getBusinessKey", "getEventName", "getTenantId"),
        *("getActivityInstanceId", "getCurrentActivityId", "getCurrentActivityName", "getCurrentTransitionId"),
    }
)
_ON_TASK: Final = (
    _ON_EXECUTION
    - {"getActivityInstanceId", "getCurrentActivityId", "getCurrentActivityName", "getCurrentTransitionId"}
) | {
    *("getExecution", "getExecutionId", "getName", "getTaskDefinitionKey", "getAssignee", "setAssignee"),
    *("getPriority", "setPriority", "getDueDate", "setDueDate", "getFollowUpDate", "setFollowUpDate"),
    *("addCandidateUser", "addCandidateUsers", "addCandidateGroup", "addCandidateGroups"),
}


@lru_cache(maxsize=4096)
def names_in(text: str) -> frozenset[str]:
    """Every word that may be a variable's name: also in strings, where execution.getVariable has it."""
    return frozenset(_WORD.findall(text))


@lru_cache(maxsize=4096)
def reads_by_computed_name(text: str) -> bool:
    """Whether *text* may read a variable that it does not name."""
    return bool(_COMPUTED.search(text)) or any(not _BY_NAME.match(text, found.end()) for found in _ASKED.finditer(text))


@lru_cache(maxsize=4096)
def beyond_sandbox(text: str) -> str | None:
    """What *text* visibly uses that no sandbox has, with a remedy; None where nothing is seen."""
    tokens = list(_tokens(text))
    declared = {after for before, after in pairwise(tokens) if before in _DECLARES}
    for at, token in enumerate(tokens):
        if not token[0].isalpha() or (at and tokens[at - 1] in (".", "?.")) or token in declared:
            continue
        following = tokens[at + 1] if at + 1 < len(tokens) else ""
        if token == "import" and following != ".":
            return "It imports a module: there are none here. Write what it needs into the script."
        chain = _chain(tokens, at)
        if token in _ABSENT and following == "(":
            return f"'{token}' does not exist here. {_REMEDY}"
        if token == "Java" and chain == "Java.type" and tokens[at + 3 : at + 4] == ["("]:
            named = tokens[at + 4][1:-1] if tokens[at + 4 : at + 5] else ""
            if tokens[at + 4 : at + 5] and tokens[at + 4][0] in "\"'" and not _is_known(named):
                return f"Java's '{named}' does not exist here. {_REMEDY}"
        elif _PACKAGE.match(chain) and not _is_known(chain):
            return f"Java's '{chain}' does not exist here. {_REMEDY}"
        elif problem := _unknown_method(token, chain, tokens, at):
            return problem
    return None


_DECLARES: Final = frozenset({"var", "let", "const", "function", "class"})
_REMEDY: Final = "Make this a service task with a handler."


def _tokens(text: str) -> Iterator[str]:
    for found in _TOKEN.finditer(text):
        if found.lastgroup:
            yield found.group()


def _chain(tokens: list[str], at: int) -> str:
    """The name at *at* with those that follow by dots: a.b.c"""
    end = at + 1
    while tokens[end : end + 1] == ["."] and end + 1 < len(tokens) and tokens[end + 1][0].isalpha():
        end += 2
    return "".join(tokens[at:end])


def _is_known(chain: str) -> bool:
    return any((chain + ".").startswith(known + ".") or (known + ".").startswith(chain + ".") for known in _JAVA)


def _unknown_method(token: str, chain: str, tokens: list[str], at: int) -> str | None:
    known = {"execution": _ON_EXECUTION, "task": _ON_TASK}.get(token)
    method = chain.partition(".")[2].partition(".")[0]
    if known is None or not method or method in known or tokens[at + 3 : at + 4] != ["("]:
        return None
    return f"No method '{method}' on {token}. Methods: {', '.join(sorted(known))}. {_REMEDY}"
