"""What is run, and how much of it has to pass."""

from __future__ import annotations

from functools import partial
from typing import Final

from tests.conformance import betsy, constraints, editors, tck
from tests.conformance.material import Group

_BETSY, _TCK, _MIWG = "uniba-dsg/betsy", "dmn-tck/tck", "bpmn-miwg/bpmn-miwg-test-suite"
_PEOPLE = "120 diagrams of open projects"

GROUPS: Final = (
    Group("betsy", "BPMN: standard tests, run", _BETSY, 205 / 210, betsy.cases),
    Group("constraints", "BPMN: broken files, refused by the right rule", _BETSY, 0.8, constraints.cases),
    Group("dmn-level-2", "DMN: compliance level 2", _TCK, 1.0, partial(tck.decisions, "compliance-level-2")),
    Group("dmn-level-3", "DMN: compliance level 3", _TCK, 0.97, partial(tck.decisions, "compliance-level-3")),
    Group(
        "dmn-others", "DMN: tests that the kit calls non-compliant", _TCK, None, partial(tck.decisions, "non-compliant")
    ),
    Group("feel", "FEEL: single expressions", _TCK, 0.97, tck.expressions),
    Group("miwg-read", "Interchange models: read, or told where broken", _MIWG, 1.0, partial(editors.reading, "miwg")),
    Group(
        "realworld-read",
        "Real diagrams: read, or told where broken",
        _PEOPLE,
        1.0,
        partial(editors.reading, "realworld"),
    ),
    Group(
        "miwg-deployed",
        "Interchange models with an executable process: deployed",
        _MIWG,
        None,
        partial(editors.deploying, "miwg"),
    ),
    Group(
        "realworld-deployed",
        "Real diagrams with an executable process: deployed",
        _PEOPLE,
        None,
        partial(editors.deploying, "realworld"),
    ),
)
