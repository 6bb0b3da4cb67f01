"""Call activities, and the processes and global tasks they call."""

from __future__ import annotations

from tests.elements.dialects import Dialect
from tests.elements.example import Example, Node, Part, Parts
from tests.elements.vocabulary import (
    body,
    end,
    start,
    user,
)


def _calls(key: str) -> Part:
    return lambda dialect: {
        "camunda7": Parts(
            {"calledElement": key},
            ['<camunda:in variables="all"/>', '<camunda:out variables="all"/>'],
        ),
        "camunda8": Parts(extensions=[f'<zeebe:calledElement processId="{key}" propagateAllChildVariables="true"/>']),
    }.get(dialect.name, Parts({"calledElement": key}))


def _maps_in_and_out() -> Part:
    return lambda dialect: {
        "camunda7": Parts(
            {"calledElement": "rating"},
            ['<camunda:in source="customer" target="who"/>', '<camunda:out source="rating" target="score"/>'],
        ),
        "camunda8": Parts(
            extensions=[
                '<zeebe:calledElement processId="rating" propagateAllChildVariables="false" '
                'propagateAllParentVariables="false"/>',
                '<zeebe:ioMapping><zeebe:input source="=customer" target="who"/>'
                '<zeebe:output source="=rating" target="score"/></zeebe:ioMapping>',
            ]
        ),
    }[dialect.name]


def _rating(name: str) -> Part:
    """A second process in the same file, which has no drawing of its own."""

    def part(dialect: Dialect) -> Parts:
        ask = user("Rate", "Rate customer").written(dialect)
        held = f"<bpmn:extensionElements>{''.join(ask.extensions)}</bpmn:extensionElements>" if ask.extensions else ""
        time = ' camunda:historyTimeToLive="180"' if dialect.name == "camunda7" else ""
        return Parts(
            body=[
                f'<bpmn:process id="rating" name="Rating" isExecutable="true"{time}><bpmn:startEvent id="Asked" '
                'name="Asked"><bpmn:outgoing>Flow_Asked_Rate</bpmn:outgoing></bpmn:startEvent>'
                f'<bpmn:userTask id="Rate" name="{name}">{held}<bpmn:incoming>Flow_Asked_Rate</bpmn:incoming>'
                "<bpmn:outgoing>Flow_Rate_Rated</bpmn:outgoing></bpmn:userTask>"
                '<bpmn:endEvent id="Rated" name="Rated"><bpmn:incoming>Flow_Rate_Rated</bpmn:incoming></bpmn:endEvent>'
                '<bpmn:sequenceFlow id="Flow_Asked_Rate" sourceRef="Asked" targetRef="Rate"/>'
                '<bpmn:sequenceFlow id="Flow_Rate_Rated" sourceRef="Rate" targetRef="Rated"/></bpmn:process>'
            ]
        )

    return part


def _call(id: str, title: str, says: str, called: Part, others: Part, scenario: str, **rest: object) -> Example:
    return Example(
        id=id,
        group="subprocess",
        title=title,
        says=says,
        nodes=(start("Loan asked for"), Node("Call", "callActivity", "Rate customer", (called,)), end("Done", "Rated")),
        lines="Start Call Done",
        shown=("Call",),
        scenario=scenario,
        others=others,
        **rest,  # type: ignore[arg-type]
    )


def _global(tag: str, inside: str, **attributes: str) -> Part:
    """Global tasks are of the standard; the called element is one."""
    said = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return body(f'<bpmn:{tag} id="rating" name="Rate customer"{said}>{inside}</bpmn:{tag}>')


_RATED = """
scenarios:
  - name: the called process takes part as an instance of its own
    start: {variables: {customer: ann}}
    steps:
      - expect: {active: [Rate], instances: {rating: 1}, task_variables: {Rate: {%s: ann}}}
      - complete: Rate
        variables: {rating: A}
    expect: {state: completed, variables: {%s: A}}
"""
_PASSED = """
scenarios:
  - name: an instance of it has run
    expect: {state: completed, instances: {rating: 1}}
"""
_NO_GLOBAL_TASKS = "its editor calls processes only"


def _called_global(kind: str, says: str, called: Part, scenario: str) -> Example:
    name = f"global-{kind.replace(' ', '-')}-task" if kind else "global-task"
    title = f"call of a global {kind} task" if kind else "call of a global task"
    absent = dict.fromkeys(("camunda7", "camunda8", "spiffworkflow"), _NO_GLOBAL_TASKS)
    return _call(name, title, says, _calls("rating"), called, scenario, not_in=absent)


EXAMPLES = (
    _call(
        "call-activity",
        "call activity",
        "Runs another process as an instance of its own, all variables in and out: the latest version, that of the "
        "same deployment, or a named one.",
        _calls("rating"),
        _rating("Rate customer"),
        _RATED % ("customer", "rating"),
    ),
    _call(
        "call-activity-mapped",
        "call activity with mappings",
        "Only the variables that are mapped go in and come out.",
        _maps_in_and_out(),
        _rating("Rate customer"),
        """
scenarios:
  - name: only what is mapped goes in and out
    start: {variables: {customer: ann}}
    steps:
      - expect: {task_variables: {Rate: {who: ann}}}
      - complete: Rate
        variables: {rating: A}
    expect: {state: completed, variables: {score: A}, absent_variables: [rating, who]}
""",
        not_in={
            "bpmn": "plain BPMN has no mappings",
            "spiffworkflow": "a call passes everything; scripts before and after it choose",
        },
    ),
    _call(
        "global-user-task",
        "call of a global user task",
        "A global task stands beside the processes of a file; a call activity runs it as a process of one task.",
        _calls("rating"),
        _global("globalUserTask", ""),
        """
scenarios:
  - name: the task waits in an instance of its own
    start: {variables: {customer: ann}}
    steps:
      - expect: {active: [rating], instances: {rating: 1}}
      - complete: rating
        variables: {rating: A}
    expect: {state: completed, variables: {rating: A}}
""",
        not_in={"camunda7": _NO_GLOBAL_TASKS, "camunda8": _NO_GLOBAL_TASKS, "spiffworkflow": _NO_GLOBAL_TASKS},
    ),
    _called_global(
        "script",
        "Computes; the variables it sets come back to the caller.",
        _global(
            "globalScriptTask",
            "<bpmn:script>rating = 'A' if income > 1000 else 'B'</bpmn:script>",
            scriptLanguage="python",
        ),
        """
scenarios:
  - name: the result comes back
    start: {variables: {income: 2000}}
    expect: {state: completed, variables: {rating: A}, instances: {rating: 1}}
""",
    ),
    _called_global(
        "business rule",
        "A job for the handler that goes by its implementation, id or name.",
        _global("globalBusinessRuleTask", ""),
        """
stubs:
  rating: {return: {rating: A}}
scenarios:
  - name: the handler decides
    expect: {state: completed, variables: {rating: A}, instances: {rating: 1}}
""",
    ),
    _called_global(
        "manual", "Work that the engine has no part in: it is passed at once.", _global("globalManualTask", ""), _PASSED
    ),
    _called_global("", "Work of no kind in particular: it is passed at once.", _global("globalTask", ""), _PASSED),
)
