"""Betsy's 301 files that break a constraint of the standard: refused by the rule that answers it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from bpmn.model import Severity
from bpmn.reader import read_bpmn
from tests.conformance.material import FOLDER, Outcome, outcome

# By constraint; where several could answer, any of them.
ANSWERS: Final[Mapping[str, tuple[str, ...]]] = {
    name: (rules,) if isinstance(rules, str) else rules
    for name, rules in {
        "EXT002": "duplicate-id",
        "EXT003": "missing-id",
        "EXT004": "mime-type",
        "EXT006": "flow-end",
        "EXT007": "flow-end",
        "EXT008": "message-flow",
        "EXT009": "message-flow",
        "EXT010": "mime-type",
        "EXT011": "message-missing",
        "EXT013": "empty-expression",
        "EXT014": "language-not-supported",
        "EXT017": "gateway-direction",
        "EXT018": "gateway-direction",
        "EXT019": "gateway-direction",
        "EXT020": "item-kinds",
        "EXT021": "event-subprocess",
        "EXT022": "event-subprocess",
        "EXT023": "flow-not-listed",
        "EXT025": "conditions",
        "EXT026": "default-flow",
        "EXT028": "flow-crosses-boundary",
        "EXT029": "multiplicity",
        "EXT030": "multiplicity",
        "EXT031": "message-flow",
        "EXT035": "executable",
        "EXT036": "known-elements",
        "EXT037": "quantity",
        "EXT038": "quantity",
        "EXT039": "resource-role",
        "EXT040": "resource-role",
        "EXT041": "both-loops",
        **dict.fromkeys(("EXT043", "EXT044", "EXT045", "EXT046", "EXT047", "EXT048"), "operation-data"),
        "EXT049": "receive-task-start",
        **dict.fromkeys(("EXT050", "EXT051", "EXT052"), "operation-data"),
        "EXT054": "both-loops",
        "EXT055": "both-loops",
        "EXT056": "known-elements",
        "EXT057": "event-subprocess",
        "EXT058": "event-subprocess",
        "EXT059": "event-definition-here",
        "EXT060": "transaction-method",
        "EXT061": "ad-hoc-subprocess",
        "EXT062": ("ad-hoc-subprocess", "known-elements"),
        "EXT063": "call-data",
        "EXT064": "interface-binding",
        "EXT065": "interface-binding",
        "EXT067": "multi-instance",
        "EXT068": "multi-instance",
        "EXT069": "loop-data",
        "EXT070": "loop-data",
        "EXT071": "boolean-condition",
        "EXT072": "multi-instance",
        "EXT077": "item-kinds",
        "EXT078": "known-elements",
        "EXT080": "data-association",
        "EXT081": "item-kinds",
        "EXT082": "data-association",
        "EXT083": "item-kinds",
        **dict.fromkeys((f"EXT{n:03}" for n in range(84, 91)), "input-output-sets"),
        "EXT091": "data-association",
        "EXT092": "data-association",
        "EXT093": "event-data",
        "EXT094": "event-data",
        "EXT095": "event-definition-shared",
        "EXT096": "start-event-incoming",
        "EXT097": "start-and-end-together",
        "EXT098": "event-definition-here",
        "EXT099": "called-process",
        "EXT100": "event-definition-here",
        "EXT101": "flow-not-listed",
        "EXT102": "message-flow",
        "EXT103": "message-flow-event",
        "EXT104": "end-event-outgoing",
        "EXT105": "start-and-end-together",
        "EXT106": "cancel-event",
        "EXT107": "flow-not-listed",
        "EXT108": "message-flow",
        "EXT109": "message-flow-event",
        "EXT110": "event-definition-here",
        "EXT111": "cancel-event",
        "EXT112": "boundary-event",
        "EXT113": "boundary-event",
        "EXT114": "boundary-event",
        "EXT115": "intermediate-event-flow",
        "EXT116": "intermediate-event-flow",
        "EXT117": "intermediate-event-flow",
        "EXT118": "link",
        "EXT119": "message-flow",
        "EXT120": "cancel-event",
        "EXT121": "event-definition-here",
        "EXT122": "event-definition-here",
        "EXT123": ("empty-expression", "expression-syntax"),
        "EXT124": "link",
        "EXT125": "link",
        "EXT126": "link",
        "EXT127": "message-missing",
        "EXT129": "event-definition-here",
        "EXT130": "event-definition-here",
        **dict.fromkeys(("EXT131", "EXT132", "EXT133", "EXT134"), "timer"),
        "EXT135": "gateway-direction",
        "EXT136": "event-gateway",
        "EXT137": "conditions",
        **dict.fromkeys((f"EXT{n}" for n in range(138, 143)), "event-gateway"),
        "EXT143": "compensation-handler",
        "EXT144": "compensation-handler",
        "EXT145": "language-not-supported",
        **dict.fromkeys(("EXT146", "EXT147", "EXT148", "EXT149"), "event-definition-here"),
        "EXT150": ("dead-end", "not-reached"),
        "EXT151": ("dead-end", "not-reached"),
        "EXT152": "flow-crosses-boundary",
        "REF": (
            *("reference", "default-flow", "event-definition-shared", "boundary-event", "message-flow", "flow-end"),
            *("flow-not-listed", "link", "input-output-sets"),
        ),
    }.items()
}
NOT_CHECKED: Final[Mapping[str, str]] = {
    "EXT012": "an expression without xsi:type is what most editors write, and is read",
    "EXT024": "isImmediate changes nothing in an executable process",
    "EXT027": "choreographies and conversations are drawn, not run",
    "EXT032": "choreographies and conversations are drawn, not run",
    "EXT033": "choreographies and conversations are drawn, not run",
    "EXT042": "an operation may be bound to a handler whatever messages it declares",
    "EXT053": "editors write script tasks without a format; the language is then the dialect's own",
    "EXT076": "names of data states carry no meaning for an engine",
    "EXT079": "inputs of a subprocess are read as the variables of its scope",
    "EXT128": "editors write messages without an operation",
}


def cases() -> Iterator[Outcome]:
    folder = FOLDER / "betsy"
    for case in json.loads((folder / "constraints.json").read_text())["cases"]:
        path, constraint = folder / case["file"], case["constraint"]
        yield outcome(f"{constraint}/{path.stem}", partial(_why, path, constraint))


def _why(path: Path, constraint: str) -> str:
    findings = read_bpmn(path.read_bytes(), path.name)[1]
    refused_by = sorted({finding.rule for finding in findings if finding.severity is Severity.ERROR})
    right = ANSWERS.get(constraint, ())
    if set(refused_by) & set(right):
        return ""
    found = f"refused by {', '.join(refused_by)}" if refused_by else "not refused"
    reason = NOT_CHECKED.get(constraint) or f"{' or '.join(right)} should have answered"
    return f"{found}; {reason}"
