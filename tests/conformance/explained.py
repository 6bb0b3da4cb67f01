"""Why cases fail that are not expected to pass."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tests.conformance.refusals import UNMARKED


@dataclass(frozen=True, slots=True)
class Explanation:
    """*cases*: of these groups (names separated by blanks), whose name or reason matches *pattern*."""

    groups: str
    pattern: str
    title: str
    text: str

    def covers(self, group: str, case: str, why: str) -> bool:
        return group in self.groups.split() and re.search(self.pattern, f"{case} {why}") is not None


EXPLANATIONS: Final = (
    Explanation(
        "betsy",
        r"^activities/AdHocSubProcess_",
        "The file does not hold what the case expects",
        "The case expects a third script, task3. The file has none: its last script is task1 again, so any engine "
        "passes task1 twice.",
    ),
    Explanation(
        "betsy",
        r"^activities/MultiInstance_ComplexBehavior",
        "The case contradicts its siblings",
        "By MultiInstance_NoneBehavior and MultiInstance_OneBehavior the events of a multi-instance do not interrupt "
        "it; this case expects that the first one does, and that the path behind the activity is taken nevertheless.",
    ),
    Explanation(
        "dmn-level-3 feel",
        r"The result is of the year|\.\d{9}",
        "Results of years beyond 1 to 9999, parts of a second below the microsecond",
        "Variables hold Python's own dates and times, so that handlers get what they know: years 1 to 9999, "
        "microseconds. Expressions compute with any year; such a result is an error.",
    ),
    Explanation(
        "dmn-level-3 feel",
        r"^0068-feel-equality/(time|datetime)_",
        "Times that differ by less than a millisecond",
        "The kit holds them to be equal here, and tells them apart elsewhere. They are compared exactly.",
    ),
    Explanation(
        "dmn-level-3 feel",
        r"^0068-feel-equality/range_",
        "Ranges made by an operator",
        "(=10) is read as [10..10]; (!=10) is no range, and is refused.",
    ),
    Explanation(
        "dmn-level-3 feel",
        r"^0076-feel-external-java/",
        "Functions in Java",
        "A decision calls nothing outside of its model. Call a service task before it, and pass what it finds.",
    ),
    Explanation(
        "dmn-others feel",
        r"^(0021-singleton-list|0015-all-any)/",
        "Tests that the kit itself calls non-compliant",
        "They expect what the standard does not say: lists of one taken for what is in them, booleans as text.",
    ),
    Explanation(
        "constraints",
        r"; (an expression without xsi:type|isImmediate|choreographies|an operation may|editors write|names of data|"
        r"inputs of a subprocess|prose in place)",
        "Constraints that are not checked",
        "Good files of real editors break them too, or they are about what is drawn and not run.",
    ),
    Explanation(
        "miwg-deployed realworld-deployed",
        re.escape(UNMARKED),
        "Files that do not say that they are executable, and are not complete",
        "Their one process has no isExecutable. Such a file is deployed when it is complete; these are drawings.",
    ),
    Explanation(
        "miwg-deployed realworld-deployed",
        r"This release does not run it yet",
        "What this release does not run yet",
        "See [BPMN elements](bpmn.md).",
    ),
    Explanation(
        "miwg-deployed realworld-deployed",
        r"\[(language-not-supported|script-elsewhere|not-honoured)[a-z, -]*\] line|"
        r"The script is in |calls a CMMN case|Java's '",
        "Languages and neighbours that this engine does not run",
        "Groovy and FreeMarker scripts, scripts that call Java, CMMN cases, tenants. Each is named with its place and "
        "what to use instead.",
    ),
    Explanation(
        "miwg-deployed realworld-deployed",
        r" \[[a-z, -]+\] line \d+: ",
        "Files marked executable that are not complete, or break the standard",
        "Conditions, messages, times or called processes are missing or written in words, or an editor lost a part as "
        "it saved the file. All rules and the first finding are told.",
    ),
)


def explanation_of(group: str, case: str, why: str) -> Explanation | None:
    return next((each for each in EXPLANATIONS if each.covers(group, case, why)), None)
