"""Why files of editors are refused, counted by what is missing in them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from bpmn.model import Finding

UNMARKED: Final = "Not marked executable."
_RULES: Final = re.compile(r"\[([a-z, -]+)\] line \d+: ")
# What an author or the standard would say, by the rule that found it.
_REASONS: Final = {
    "boolean-condition": "A condition is a fixed text, in no language",
    "boundary-event": "Nothing follows a boundary event",
    "called-process": "A call activity names no process, or calls a CMMN case",
    "conditions": "A choice whose flows have no conditions",
    "data-association": "Data of the process itself is written to within it (10.4.1)",
    "dead-end": "A path ends nowhere (the editor lost what joined it)",
    "default-flow": "A default flow that does not leave its gateway (the editor lost it)",
    "empty-expression": "An expression element without an expression",
    "event-definition-here": "An event with nothing to wait for",
    "expression-syntax": "An expression or script in prose, or in a language that is not run",
    "flow-end": "A flow that starts or ends nowhere (the editor lost it)",
    "flow-not-listed": "Nodes list flows that are not there (the editor lost them)",
    "gateway-direction": "A gateway that does not do what its direction says, or is joined to nothing",
    "intermediate-event-flow": "An intermediate event that nothing leads to",
    "item-kinds": "Data and its item definition disagree",
    "language-not-supported": "A language that is not run",
    "message-missing": "An event or receive task that does not say which message, signal or error (10.5.5)",
    "missing-start": "A subprocess with nothing in it",
    "multi-instance": "A multi-instance without a cardinality or a collection, a loop without an end",
    "not-reached": "Something that nothing leads to (the editor lost what joined it)",
    "not-honoured": "An attribute that the process would run otherwise without: tenants, sentries and the like",
    "quantity": "A quantity of tokens that is not positive",
    "reference": "A message, error or escalation that the file does not define",
    "script-elsewhere": "A script that stands in another file",
    "supported": "Something that this release does not run yet",
    "timer": "A timer without a time (10.5.5)",
}


def told(errors: Iterable[Finding], last: Iterable[str], *, is_marked: bool) -> str:
    """All rules that found an error, and the first finding of the first of them. What is missing in the file
    comes before the rules of *last*."""
    first = {finding.rule: finding for finding in reversed(list(errors))}
    late = set(last)
    rules = sorted(first, key=lambda rule: (rule in late, rule))
    finding = first[rules[0]]
    start = "" if is_marked else f"{UNMARKED} "
    return f"{start}[{', '.join(rules)}] line {finding.line}: {finding.message}"


def rules_in(why: str) -> list[str]:
    """The rules that a refusal, as `told`, names."""
    match = _RULES.search(why)
    return match[1].split(", ") if match else []


def by_reason(failed: Mapping[str, str]) -> list[list[str]]:
    """Of refused files: what is missing, the rule, how many files miss it, how many miss only that, and how many
    of them are marked executable. The most frequent first."""
    files: Counter[str] = Counter()
    only: Counter[str] = Counter()
    marked: Counter[str] = Counter()
    for why in failed.values():
        rules = rules_in(why)
        files.update(rules)
        only.update(rules if len(rules) == 1 else [])
        marked.update([] if why.startswith(UNMARKED) else rules)
    ordered = sorted(files, key=lambda rule: (-files[rule], rule))
    return [[_REASONS.get(rule, rule), f"`{rule}`", *(str(n[rule]) for n in (files, only, marked))] for rule in ordered]
