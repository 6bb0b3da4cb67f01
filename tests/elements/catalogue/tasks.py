"""Tasks of every kind."""

from __future__ import annotations

from tests.elements.dialects import Dialect
from tests.elements.example import Example, Node, Part, Parts
from tests.elements.vocabulary import (
    attributes,
    body,
    both,
    catch,
    end,
    extensions,
    fixed,
    gateway,
    manual,
    message,
    message_root,
    script,
    service,
    start,
    task,
    user,
)

_PASSES = """
scenarios:
  - name: the flow passes through
    expect: {state: completed, path: [Start, Task, Done]}
"""


def _task(id: str, title: str, says: str, node: Node, scenario: str, **rest: object) -> Example:
    nodes = (start("Order placed"), node, end("Done", "Done"))
    return Example(id, "task", title, says, nodes, "Start Task Done", scenario, ("Task",), **rest)  # type: ignore[arg-type]


def _people() -> Part:
    """Who may do a user task, until when, and with which form."""
    plain = (
        '<bpmn:potentialOwner id="Owner"><bpmn:resourceAssignmentExpression id="Assignment">'
        '<bpmn:formalExpression id="Groups">"clerks"</bpmn:formalExpression>'
        "</bpmn:resourceAssignmentExpression></bpmn:potentialOwner>"
    )
    return both(
        attributes(camunda7={"camunda:candidateGroups": "clerks"}),
        extensions(camunda8='<zeebe:assignmentDefinition candidateGroups="clerks"/>'),
        lambda dialect: Parts(body=[plain] if dialect.name in ("bpmn", "spiffworkflow") else []),
    )


def _of_message(name: str, key: str = "") -> Part:
    def part(dialect: Dialect) -> Parts:
        root, reference = message_root(dialect, name, key)
        return Parts({"messageRef": reference}, roots={reference: root})

    return part


def _rule() -> Part:
    """The decision `discount` of discount.dmn."""
    return lambda dialect: {
        "camunda7": Parts(
            {
                "camunda:decisionRef": "discount",
                "camunda:resultVariable": "discount",
                "camunda:mapDecisionResult": "singleEntry",
            }
        ),
        "camunda8": Parts(extensions=['<zeebe:calledDecision decisionId="discount" resultVariable="discount"/>']),
        "spiffworkflow": Parts(
            extensions=["<spiffworkflow:calledDecisionId>discount</spiffworkflow:calledDecisionId>"]
        ),
        "bpmn": Parts({"implementation": "decide-discount"}),
    }[dialect.name]


def _groovy() -> Part:
    return both(
        fixed(scriptFormat="groovy"),
        attributes(camunda7={"camunda:resultVariable": "total"}),
        body("<bpmn:script>total = amounts.sum()</bpmn:script>"),
    )


def _javascript() -> Part:
    script = "let total = 0;\nfor (const amount of amounts) total += amount;\n{}"
    return lambda dialect: {
        "bpmn": Parts({"scriptFormat": "javascript"}, body=[f"<bpmn:script>{script.format('total')}</bpmn:script>"]),
        "camunda7": Parts(
            {"scriptFormat": "javascript", "camunda:resultVariable": "total"},
            body=[f"<bpmn:script>{script.format('total;')}</bpmn:script>"],
        ),
    }[dialect.name]


_DMN = """<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="Discounts" name="Discounts" namespace="http://camunda.org/schema/1.0/dmn">
  <decision id="discount" name="Discount">
    <decisionTable id="Table" hitPolicy="UNIQUE">
      <input id="Amount" label="Amount">
        <inputExpression id="AmountExpression" typeRef="number">
          <text>amount</text>
        </inputExpression>
      </input>
      <output id="Percent" label="Percent" name="discount" typeRef="number" />
      <rule id="Large">
        <inputEntry id="LargeAmount">
          <text>&gt;= 1000</text>
        </inputEntry>
        <outputEntry id="LargePercent">
          <text>10</text>
        </outputEntry>
      </rule>
      <rule id="Small">
        <inputEntry id="SmallAmount">
          <text>&lt; 1000</text>
        </inputEntry>
        <outputEntry id="SmallPercent">
          <text>0</text>
        </outputEntry>
      </rule>
    </decisionTable>
  </decision>
</definitions>
"""
_DECIDED = """
scenarios:
  - name: a large order gets a discount
    start: {variables: {amount: 1200}}
    expect: {state: completed, variables: {discount: 10}}
  - name: a small order gets none
    start: {variables: {amount: 80}}
    expect: {state: completed, variables: {discount: 0}}
"""

EXAMPLES = (
    _task(
        "task",
        "task",
        "Work of no kind in particular: it is passed at once.",
        task("Task", "Put on the shelf"),
        _PASSES,
    ),
    _task(
        "user-task",
        "user task",
        "Waits until a person completes it: whoever it is assigned to, or one of its candidates.",
        user("Task", "Check order", _people()),
        """
scenarios:
  - name: a clerk takes the task and completes it
    steps:
      - expect: {active: [Task], tasks: [{id: Task, candidate_groups: [clerks]}]}
      - claim: Task
        user: ann
        expect: {tasks: [{id: Task, assignee: ann}]}
      - complete: Task
        variables: {approved: true}
    expect: {state: completed, variables: {approved: true}}
""",
    ),
    _task(
        "manual-task",
        "manual task",
        "Work that the engine has no part in. It is passed at once; the SpiffWorkflow editor shows its instructions, "
        "so there a person confirms it.",
        manual("Task", "Carry to the truck"),
        _PASSES,
        own_scenarios={
            "spiffworkflow": """
scenarios:
  - name: a person confirms that it is done
    steps:
      - expect: {active: [Task]}
      - complete: Task
    expect: {state: completed, path: [Start, Task, Done]}
""",
        },
    ),
    _task(
        "service-task",
        "service task",
        "A job for the handler of its type; what the handler returns becomes variables. See "
        "[where a job type comes from](#where-a-job-type-comes-from).",
        service("Task", "Charge card", "charge-card"),
        """
stubs:
  charge-card: [{fail: bank is down}, {return: {receipt: r-1}}]
scenarios:
  - name: the handler is tried again when it fails
    expect: {state: completed, stub_calls: {charge-card: 2}, variables: {receipt: r-1}}
""",
    ),
    _task(
        "script-task",
        "script task",
        "Computes at once, bounded in time and memory: Python, FEEL, JUEL, or JavaScript (next row). See "
        "[expressions](expressions.md).",
        script("Task", "Compute total", "total", "amount * 2 + 5"),
        """
scenarios:
  - name: the result goes to its variable
    start: {variables: {amount: 100}}
    expect: {state: completed, variables: {total: 205}}
""",
    ),
    _task(
        "script-task-javascript",
        "script task in JavaScript",
        "`scriptFormat` names the language. A script that needs Java, or a language that is not known, is refused.",
        Node("Task", "scriptTask", "Compute total", (_javascript(),)),
        """
scenarios:
  - name: the result goes to its variable
    start: {variables: {amounts: [100, 20, 3]}}
    expect: {state: completed, variables: {total: 123}}
""",
        not_in={"camunda8": "its scripts are FEEL, others are jobs", "spiffworkflow": "its scripts are Python"},
    ),
    _task(
        "script-task-groovy",
        "script task in another language",
        "Groovy and what else Java engines run is not run: the script can be written in one of the languages above.",
        Node("Task", "scriptTask", "Compute total", (_groovy(),)),
        "",
        refused={"bpmn": "(?i)groovy", "camunda7": "(?i)groovy"},
        not_in={
            "camunda8": "its scripts are FEEL",
            "spiffworkflow": "its scripts are Python",
        },
    ),
    _task(
        "business-rule-task",
        "business rule task",
        "Evaluates a DMN decision that is deployed. Plain BPMN cannot name one: there it is a job for a handler.",
        Node("Task", "businessRuleTask", "Find discount", (_rule(),)),
        _DECIDED,
        own_scenarios={
            "bpmn": """
stubs:
  decide-discount: {return: {discount: 10}}
scenarios:
  - name: a handler decides
    start: {variables: {amount: 1200}}
    expect: {state: completed, variables: {discount: 10}}
""",
        },
        files={"discount.dmn": _DMN},
    ),
    _task(
        "send-task",
        "send task",
        "A job for a handler that sends the message.",
        service("Task", "Confirm order", "send-confirmation", tag="sendTask"),
        """
stubs:
  send-confirmation: {return: {}}
scenarios:
  - name: the handler sends the message
    expect: {state: completed, stub_calls: {send-confirmation: 1}}
""",
        not_in={"spiffworkflow": "its editor gives a send task a message only: next row"},
    ),
    Example(
        id="send-task-message",
        group="task",
        title="send task that names a message",
        says="The engine hands the message to who waits for it.",
        nodes=(
            start("Order placed"),
            gateway("parallel", "Fork"),
            user("Pack", "Pack goods"),
            Node("Task", "sendTask", "Confirm order", (_of_message("Confirmation"),)),
            end("Done", "Shipped"),
            catch("Confirmed", "Confirmed", message("Confirmation")),
            end("Informed", "Customer informed"),
        ),
        lines="Start Fork Pack Task Done\nFork Confirmed Informed",
        shown=("Task",),
        scenario="""
scenarios:
  - name: the message reaches who waits for it
    steps:
      - expect: {active: [Confirmed, Pack]}
      - complete: Pack
    expect: {state: completed, completed: {Task: 1, Confirmed: 1}}
""",
        not_in=dict.fromkeys(("camunda7", "camunda8"), "a send task is a job there"),
    ),
    _task(
        "receive-task",
        "receive task",
        "Waits for a message, with its key where it has one.",
        Node("Task", "receiveTask", "Wait for payment", (_of_message("Payment", "order"),)),
        """
scenarios:
  - name: the payment reaches the order that it is for
    start: {variables: {order: o-1}}
    steps:
      - start: receive-task
        variables: {order: o-2}
        as: other
      - message: Payment
        correlate: {order: o-2}
        variables: {paid: 80}
        expect: {active: [Task]}
      - expect: {state: completed, variables: {paid: 80}}
        instance: other
    expect: {state: running}
""",
    ),
    Example(
        id="receive-task-start",
        group="task",
        title="receive task that starts the process",
        says="With `instantiate` and nothing before it: the message starts an instance.",
        nodes=(
            Node("Task", "receiveTask", "Take order", (fixed(instantiate="true"), _of_message("Order"))),
            user("Check", "Check order"),
            end("Done", "Checked"),
        ),
        lines="Task Check Done",
        shown=("Task",),
        scenario="""
scenarios:
  - name: the message starts an instance
    start: {message: {name: Order, variables: {order: o-1}}}
    expect: {active: [Check], variables: {order: o-1}, path: [Task, Check]}
""",
    ),
)
