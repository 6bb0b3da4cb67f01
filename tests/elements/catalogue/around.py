"""Data, pools and lanes, correlation, listeners, save points: what stands around the flow."""

from __future__ import annotations

from tests.elements.dialects import Dialect
from tests.elements.example import Data, Example, Node, Part, Partner, Parts
from tests.elements.vocabulary import (
    attributes,
    body,
    boundary,
    catch,
    end,
    extensions,
    gateway,
    message,
    script,
    start,
    user,
)

_ONE = "Start Task Done"
_NO_NOTATION = "the dialect has no notation for it"
_CAMUNDA_ONLY = {"bpmn": _NO_NOTATION, "spiffworkflow": _NO_NOTATION}

_DATA = (
    Example(
        id="data-object",
        group="data",
        title="data object",
        says="A variable of the scope that it is drawn in. Associations show who writes and reads it.",
        nodes=(
            start("Inquiry"),
            user("Ask", "Ask for price"),
            script("Add", "Add postage", "total", "price + 5"),
            end("Done", "Done"),
        ),
        lines="Start Ask Add Done",
        data=(Data("PriceReference", "price", writes=("Ask",), reads=("Add",)),),
        shown=("PriceReference",),
        scenario="""
scenarios:
  - name: one task writes what the next one reads
    steps:
      - complete: Ask
        variables: {price: 100}
    expect: {state: completed, variables: {price: 100, total: 105}}
""",
    ),
    Example(
        id="data-store",
        group="data",
        title="data store",
        says="Outlives the instances: what one writes, the next one reads. In Camunda's dialects it is a picture, as "
        "in Camunda's engines.",
        nodes=(
            start("Customer comes"),
            gateway("exclusive", "Known", "Known?"),
            user("Welcome", "Welcome"),
            end("Welcomed", "Welcomed"),
            script("Remember", "Remember", "last_customer", "customer"),
            end("Remembered", "Remembered"),
        ),
        lines="Start Known ?yes Welcome Welcomed\nKnown /no . . Remember Remembered",
        conditions={"yes": "known"},
        data=(Data("LastReference", "last_customer", is_store=True, reads=("Welcome",), writes=("Remember",)),),
        shown=("LastReference",),
        scenario="""
scenarios:
  - name: one instance reads what another one wrote
    start: {variables: {customer: ann, known: false}}
    steps:
      - expect: {state: completed, absent_variables: [last_customer]}
      - start: data-store
        variables: {known: true}
        expect: {task_variables: {Welcome: {last_customer: ann}}}
""",
        own_scenarios=dict.fromkeys(
            ("camunda7", "camunda8"),
            """
scenarios:
  - name: what the activity writes is a variable
    start: {variables: {customer: ann, known: false}}
    expect: {state: completed, variables: {last_customer: ann}}
""",
        ),
    ),
    Example(
        id="data-association",
        group="data",
        title="data association with a transformation",
        says="Its target gets what the transformation gives; assignments set single values.",
        nodes=(
            start("Inquiry"),
            user("Ask", "Ask for price"),
            user("Check", "Check price"),
            end("Done", "Done"),
        ),
        lines="Start Ask Check Done",
        data=(
            Data(
                "GrossReference",
                "gross",
                writes=("Ask",),
                reads=("Check",),
                inside={"Ask": body("<bpmn:transformation>net * 1.25</bpmn:transformation>")},
            ),
        ),
        shown=("Writes_Ask_GrossReference",),
        scenario="""
scenarios:
  - name: the data object gets the gross price
    steps:
      - complete: Ask
        variables: {net: 100}
    expect: {active: [Check], variables: {gross: 125}}
""",
        not_in=dict.fromkeys(("camunda7", "camunda8", "spiffworkflow"), "its editor draws associations without one"),
    ),
    Example(
        id="mapping",
        group="data",
        title="input and output mappings",
        says="Inputs are variables of the activity alone. With outputs, in Camunda 8, only what they name comes out.",
        nodes=(
            start("Inquiry"),
            user(
                "Task",
                "Ask for price",
                extensions(
                    camunda7='<camunda:inputOutput><camunda:inputParameter name="article">${item}'
                    '</camunda:inputParameter><camunda:outputParameter name="price">${answer}'
                    "</camunda:outputParameter></camunda:inputOutput>",
                    camunda8='<zeebe:ioMapping><zeebe:input source="=item" target="article"/>'
                    '<zeebe:output source="=answer" target="price"/></zeebe:ioMapping>',
                ),
            ),
            end("Done", "Done"),
        ),
        lines=_ONE,
        shown=("Task",),
        scenario="""
scenarios:
  - name: the input is local, the output comes out
    start: {variables: {item: lamp}}
    steps:
      - expect: {task_variables: {Task: {article: lamp}}}
      - complete: Task
        variables: {answer: 80}
    expect: {state: completed, variables: {price: 80}, absent_variables: [article]}
""",
        not_in={
            "bpmn": _NO_NOTATION,
            "spiffworkflow": "scripts before and after an activity do it, see there",
        },
    ),
    Example(
        id="pre-and-post-script",
        group="data",
        title="scripts before and after an activity",
        says="Python that runs as the activity is entered and as it is left.",
        nodes=(
            start("Inquiry"),
            user(
                "Task",
                "Ask for price",
                extensions(
                    spiffworkflow="<spiffworkflow:preScript>article = item.upper()</spiffworkflow:preScript>"
                    "<spiffworkflow:postScript>price = answer + 5</spiffworkflow:postScript>"
                ),
            ),
            end("Done", "Done"),
        ),
        lines=_ONE,
        shown=("Task",),
        scenario="""
scenarios:
  - name: both have run
    start: {variables: {item: lamp}}
    steps:
      - expect: {task_variables: {Task: {article: LAMP}}}
      - complete: Task
        variables: {answer: 75}
    expect: {state: completed, variables: {price: 80}}
""",
        not_in={
            "bpmn": _NO_NOTATION,
            "camunda7": "listeners with a script do it, see there",
            "camunda8": _NO_NOTATION,
        },
    ),
)

# --- pools, lanes, correlation ----------------------------------------------------------------------

_COLLABORATION = (
    Example(
        id="pool",
        group="collaboration",
        title="pools and message flows",
        says="A pool shows whose process it is; a message flow shows who talks to whom. What is sent and waited for "
        "is said by the events.",
        nodes=(
            Node("Start", "startEvent", "Order received", (message("Order"),)),
            user("Pack", "Pack goods"),
            end("Done", "Shipped"),
        ),
        lines="Start Pack Done",
        pool="Shop",
        partner=Partner("Customer", (("partner", "Start"),)),
        shown=("Message_partner_Start", "Partner"),
        scenario="""
scenarios:
  - name: the message of the other pool starts the process
    start: {message: {name: Order, variables: {order: o-1}}}
    steps:
      - complete: Pack
    expect: {state: completed, path: [Start, Pack, Done]}
""",
    ),
    Example(
        id="lane",
        group="collaboration",
        title="lanes",
        says="A lane's name is the candidate group of its user tasks that name nobody themselves.",
        nodes=(
            start("Order placed"),
            user("Check", "Check order"),
            user("Pack", "Pack goods"),
            end("Done", "Packed"),
        ),
        lines="Start Check\nCheck Pack Done",
        pool="Shop",
        lanes={"Sales": (0,), "Warehouse": (1,)},
        shown=("Lane_Sales", "Lane_Warehouse"),
        scenario="""
scenarios:
  - name: each lane's people find their tasks
    steps:
      - expect: {tasks: [{id: Check, candidate_groups: [Sales]}]}
      - complete: Check
        expect: {tasks: [{id: Pack, candidate_groups: [Warehouse]}]}
""",
    ),
)


def _payment() -> Part:
    """A message that is meant for the instance of its order, as each dialect writes that."""

    def part(dialect: Dialect) -> Parts:
        found = message("Payment", "order")(dialect)
        if dialect.name == "spiffworkflow":
            found.roots["Message_Payment"] = (
                '<bpmn:message id="Message_Payment" name="Payment"><bpmn:extensionElements>'
                "<spiffworkflow:processVariableCorrelation><spiffworkflow:propertyId>order</spiffworkflow:propertyId>"
                "<spiffworkflow:expression>order</spiffworkflow:expression></spiffworkflow:processVariableCorrelation>"
                "</bpmn:extensionElements></bpmn:message>"
            )
        if dialect.name in ("bpmn", "spiffworkflow"):
            found.roots["order"] = (
                '<bpmn:correlationProperty id="order" name="order"><bpmn:correlationPropertyRetrievalExpression '
                'id="Retrieval" messageRef="Message_Payment"><bpmn:messagePath id="Path">order</bpmn:messagePath>'
                "</bpmn:correlationPropertyRetrievalExpression></bpmn:correlationProperty>"
            )
        return found

    return part


def _correlation_key() -> Part:
    key = (
        '<bpmn:correlationKey id="Key" name="order"><bpmn:correlationPropertyRef>order</bpmn:correlationPropertyRef>'
        "</bpmn:correlationKey>"
    )
    return lambda dialect: Parts(body=[key] if dialect.name in ("bpmn", "spiffworkflow") else [])


def _subscription() -> Part:
    said = (
        '<bpmn:correlationSubscription id="Subscription" correlationKeyRef="Key"><bpmn:correlationPropertyBinding '
        'id="Binding" correlationPropertyRef="order"><bpmn:dataPath id="DataPath">order</bpmn:dataPath>'
        "</bpmn:correlationPropertyBinding></bpmn:correlationSubscription>"
    )
    return lambda dialect: Parts(body=[said] if dialect.name == "bpmn" else [])


_CORRELATION = Example(
    id="correlation",
    group="collaboration",
    title="correlation keys",
    says="A message with a key reaches only the instance whose key has the same value. Camunda 7 writes no key into "
    "the diagram: there whoever sends the message names the variables to compare.",
    nodes=(
        start("Order placed"),
        catch("Paid", "Paid", _payment()),
        end("Done", "Paid"),
    ),
    lines="Start Paid Done",
    pool="Shop",
    partner=Partner("Customer", (("partner", "Paid"),)),
    collaboration=_correlation_key(),
    process=_subscription(),
    shown=("Paid",),
    scenario="""
scenarios:
  - name: the payment reaches its order and no other
    start: {variables: {order: o-1}}
    steps:
      - start: correlation
        variables: {order: o-2}
        as: other
      - message: Payment
        correlate: {order: o-3}
        fails: "Payment"
      - message: Payment
        correlate: {order: o-2}
        expect: {state: running}
      - expect: {state: completed}
        instance: other
""",
)

# --- listeners and save points ----------------------------------------------------------------------


def _listener_7(event: str, kind: str = "execution") -> str:
    return f'<camunda:{kind}Listener delegateExpression="${{audit}}" event="{event}"/>'


def _listeners_8(*events: str, kind: str = "execution") -> str:
    inside = "".join(f'<zeebe:{kind}Listener eventType="{event}" type="audit"/>' for event in events)
    return f"<zeebe:{kind}Listeners>{inside}</zeebe:{kind}Listeners>"


_AUDIT = """
stubs:
  audit: {log: "{activity}:{event}"}
scenarios:
  - name: %s
    steps:
%s
    expect: {state: completed, stub_order: [%s]}
"""
_TOLD = """
stubs:
  audit: {log: "{activity}:{event}"}
scenarios:
  - name: the task is taken and completed
    start: {variables: {order: o-1}}
    steps:
      - claim: Task
        user: ann
      - complete: Task
    expect: {state: completed, stub_order: [Task:%s, Task:%s]}
  - name: the task is withdrawn
    start: {variables: {order: o-1}}
    steps:
      - message: Withdrawal
        correlate: {order: o-1}
    expect: {state: completed, stub_order: [Task:%s, Task:%s]}
"""
_OF_TASKS = ("create", "assignment", "update", "complete", "delete")
_LISTENERS = (
    Example(
        id="execution-listener",
        group="listener",
        title="execution listener",
        says="Told as an element starts and ends, by a handler or a script; see [listeners](#listeners).",
        nodes=(
            start("Order placed"),
            user(
                "Task",
                "Check order",
                extensions(
                    camunda7=_listener_7("start") + _listener_7("end"),
                    camunda8=_listeners_8("start", "end"),
                ),
            ),
            end("Done", "Checked"),
        ),
        lines=_ONE,
        shown=("Task",),
        scenario=_AUDIT % ("the handler is told of both", "      - complete: Task", '"Task:start", "Task:end"'),
        not_in=_CAMUNDA_ONLY,
    ),
    Example(
        id="process-listener",
        group="listener",
        title="execution listener of the process",
        says="Told as the instance starts and ends.",
        nodes=(start("Order placed"), user("Task", "Check order"), end("Done", "Checked")),
        lines=_ONE,
        process=extensions(camunda7=_listener_7("start") + _listener_7("end"), camunda8=_listeners_8("start", "end")),
        shown=(),
        scenario=_AUDIT
        % (
            "the handler is told of both",
            "      - complete: Task",
            '"process-listener:start", "process-listener:end"',
        ),
        not_in=_CAMUNDA_ONLY,
    ),
    Example(
        id="flow-listener",
        group="listener",
        title="execution listener of a sequence flow",
        says="Told as the flow is taken.",
        nodes=(start("Order placed"), user("Task", "Check order"), end("Done", "Checked")),
        lines=_ONE,
        flow_parts={"Flow_Task_Done": extensions(camunda7=_listener_7("take"))},
        shown=("Flow_Task_Done",),
        scenario=_AUDIT % ("the handler is told", "      - complete: Task", '"Flow_Task_Done:take"'),
        not_in=_CAMUNDA_ONLY | {"camunda8": _NO_NOTATION},
    ),
    Example(
        id="task-listener",
        group="listener",
        title="task listener",
        says="Told as a user task is created, assigned, completed or ended otherwise.",
        nodes=(
            start("Order placed"),
            user(
                "Task",
                "Check order",
                extensions(
                    camunda7="".join(_listener_7(event, "task") for event in _OF_TASKS),
                    camunda8=_listeners_8("creating", "assigning", "completing", "canceling", kind="task"),
                ),
            ),
            boundary("Withdrawn", "Withdrawn", "Task", message("Withdrawal", "order")),
            end("Done", "Checked"),
            end("Stopped", "Stopped"),
        ),
        lines=_ONE + "\nWithdrawn Stopped",
        shown=("Task",),
        scenario=_TOLD % ("create", "update, Task:assignment, Task:complete", "create", "delete"),
        own_scenarios={"camunda8": _TOLD % ("creating", "assigning, Task:completing", "creating", "canceling")},
        not_in=_CAMUNDA_ONLY,
    ),
    Example(
        id="task-listener-timeout",
        group="listener",
        title="task listener with a timeout",
        says="Told as a time is over; the task stays open.",
        nodes=(
            start("Order placed"),
            user(
                "Task",
                "Check order",
                extensions(
                    camunda7='<camunda:taskListener delegateExpression="${audit}" event="timeout" id="Late">'
                    '<bpmn:timerEventDefinition id="LateTimer"><bpmn:timeDuration xsi:type="bpmn:tFormalExpression">P1D'
                    "</bpmn:timeDuration></bpmn:timerEventDefinition></camunda:taskListener>"
                ),
            ),
            end("Done", "Checked"),
        ),
        lines=_ONE,
        shown=("Task",),
        scenario=_AUDIT
        % (
            "the handler is told after a day",
            "      - advance: P1D\n        expect: {active: [Task]}\n      - complete: Task",
            '"Task:timeout"',
        ),
        not_in=_CAMUNDA_ONLY | {"camunda8": _NO_NOTATION},
    ),
    Example(
        id="save-point",
        group="listener",
        title="save points",
        says="`asyncBefore` and `asyncAfter`: what was done is saved, and a job goes on from there. Elsewhere the "
        "state is safe after every service task and at every wait.",
        nodes=(
            start("Order placed"),
            script("First", "Compute total", "total", "amount * 2"),
            Node("Task", "task", "Write to archive", (attributes(camunda7={"camunda:asyncBefore": "true"}),)),
            end("Done", "Archived"),
        ),
        lines="Start First Task Done",
        shown=("Task",),
        scenario="""
hold_jobs: true
scenarios:
  - name: the job goes on from the save point
    start: {variables: {amount: 100}}
    steps:
      - expect: {active: [Task], variables: {total: 200}}
      - run_jobs:
    expect: {state: completed}
""",
        not_in=_CAMUNDA_ONLY | {"camunda8": _NO_NOTATION},
    ),
)

EXAMPLES = (*_DATA, *_COLLABORATION, _CORRELATION, *_LISTENERS)
