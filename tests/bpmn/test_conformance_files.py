"""A thousand diagrams of other people: standard tests, interchange models, files that break the standard."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bpmn.model import Severity
from bpmn.reader import read_bpmn
from bpmn.rules import RULES

pytestmark = pytest.mark.conformance

# What the standard's own test-suite expects to fail, at deployment or later.
MUST_FAIL = {
    "LoopTask_NegativeLoopMaximum",
    "MultiInstanceTask_NegativeLoopCardinality",
    "Token_CompletionQuantity_Zero",
    "Token_StartQuantity_Zero",
}
# Conditions in a notation of the test-suite's own ('!test.contains("a")'), which its users translate.
UNTRANSLATED = {"WCP16_DeferredChoice", "Conditional_StartEvent_EventSubProcess_NonInterrupting"}
# The rule that answers a constraint, where it is not found by chance. Absent: see NOT_CHECKED.
ANSWERS = {
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
    "EXT123": "empty-expression",
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
}
# Constraints that good files of real editors break too (expressions without xsi:type, isImmediate, scripts without
# a format, messages without an operation), that are about choreographies, or about the names of data states.
NOT_CHECKED = {"EXT012", "EXT024", "EXT027", "EXT032", "EXT033", "EXT042", "EXT053", "EXT076", "EXT079", "EXT128"}


def errors_in(path: Path) -> set[str]:
    findings = read_bpmn(path.read_bytes(), path.name)[1]
    return {finding.rule for finding in findings if finding.severity is Severity.ERROR}


def test_of_the_files_that_break_a_constraint_nine_in_ten_are_refused_by_the_right_rule(conformance):
    cases = json.loads((conformance / "betsy/constraints.json").read_text())["cases"]
    wrong = []
    for case in cases:
        right = ANSWERS.get(case["constraint"], ())
        if not errors_in(conformance / "betsy" / case["file"]) & set((right,) if isinstance(right, str) else right):
            wrong.append(case)

    print(f"{len(cases) - len(wrong)} of {len(cases)} constraint files are refused by the right rule")
    assert len(wrong) <= len(cases) * 0.1
    # An expression that is prose, not empty, cannot be told from one that is wrong.
    assert {case["constraint"] for case in wrong} - NOT_CHECKED == {"EXT123"}


def test_every_rule_that_a_constraint_is_answered_by_exists():
    named = {name for answer in ANSWERS.values() for name in ((answer,) if isinstance(answer, str) else answer)}

    assert named - {rule.RULE for rule in RULES} == {"language-not-supported"}


def test_no_good_file_of_the_standard_tests_is_refused_but_for_what_is_not_run_yet(conformance):
    refused = {
        path.stem: rules
        for path in sorted((conformance / "betsy/bpmn").glob("*/*.bpmn"))
        if (rules := errors_in(path) - {"supported"})
    }

    assert refused.keys() == MUST_FAIL | UNTRANSLATED


@pytest.mark.parametrize("folder", ["miwg", "realworld"])
def test_every_file_of_an_editor_is_read_or_says_where_it_is_broken(conformance, folder):
    for path in sorted((conformance / folder).rglob("*.bpmn")):
        definitions, findings = read_bpmn(path.read_bytes(), path.name)

        assert definitions is not None or [finding.rule for finding in findings] == ["not-xml"], path
        assert all(finding.line > 0 and finding.message for finding in findings), path


def test_no_rule_about_the_standards_formalities_refuses_what_people_run(conformance):
    formal = {"data-association", "dead-end", "event-data", "executable", "flow-not-listed", "gateway-direction"}
    formal |= {"input-output-sets", "interface-binding", "item-kinds", "message-flow", "message-flow-event"}
    formal |= {"mime-type", "multiplicity", "not-reached", "operation-data", "resource-role", "start-and-end-together"}

    refused = {path.name for path in (conformance / "realworld").rglob("*.bpmn") if errors_in(path) & formal}

    assert refused == set()
