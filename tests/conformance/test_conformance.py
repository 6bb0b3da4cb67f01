"""Other people's tests: the bars hold, and what passed before passes now. `make conformance` keeps the results."""

from __future__ import annotations

from functools import cache

import pytest

from bpmn.rules import RULES
from tests.conformance.constraints import ANSWERS
from tests.conformance.explained import explanation_of
from tests.conformance.groups import GROUPS
from tests.conformance.material import ABSENT, FOLDER, Group
from tests.conformance.page import is_met, page
from tests.conformance.refusals import rules_in
from tests.conformance.results import DOCS, Result, kept, result_of
from tests.conformance.run import PAGE

pytestmark = pytest.mark.conformance
needs_material = pytest.mark.skipif(not FOLDER.is_dir(), reason=ABSENT)
# Rules about the standard's formalities, which what people run must not be refused by.
FORMALITIES = {
    *("data-association", "dead-end", "event-data", "executable", "flow-not-listed", "gateway-direction"),
    *("input-output-sets", "interface-binding", "item-kinds", "message-flow", "message-flow-event", "mime-type"),
    *("multiplicity", "not-reached", "operation-data", "resource-role", "start-and-end-together"),
}


@cache
def found(group: Group) -> Result:
    return result_of(list(group.run()))


@needs_material
@pytest.mark.timeout(300)
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_no_case_fails_that_passed_before(group):
    lost = found(group).lost_since(kept().get(group.name, Result()))

    told = [f"{case}: {why}" for case, why in lost.items()][:10]
    assert not lost, f"{len(lost)} lost; if this is meant: make conformance ARGS=--accept. {told}"


@needs_material
@pytest.mark.timeout(300)
@pytest.mark.parametrize("group", [group for group in GROUPS if group.bar], ids=lambda group: group.name)
def test_enough_cases_pass(group):
    assert is_met(group, found(group)), f"{found(group).passed} of {found(group).total}"


@needs_material
def test_what_people_run_is_not_refused_for_a_formality():
    group = next(group for group in GROUPS if group.name == "realworld-deployed")
    refused = {case: why for case, why in found(group).failed.items() if set(rules_in(why)) & FORMALITIES}

    assert refused == {}


def test_every_case_of_betsy_that_fails_is_explained():
    failed = kept()["betsy"].failed

    assert [case for case, why in failed.items() if explanation_of("betsy", case, why) is None] == []


def test_every_rule_that_a_constraint_is_answered_by_exists():
    named = {name for rules in ANSWERS.values() for name in rules}

    assert named - {rule.RULE for rule in RULES} == {"language-not-supported"}


def test_the_page_says_what_the_results_say():
    assert (DOCS / PAGE).read_text(encoding="utf-8") == page(kept())
