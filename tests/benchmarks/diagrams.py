"""The diagrams that are measured, as bytes: plain BPMN that both engines read unchanged, and with jobs, timers and
messages as Camunda 8 writes them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
CAMUNDA_8 = (
    ' xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" xmlns:modeler="http://camunda.org/schema/modeler/1.0"'
    ' modeler:executionPlatform="Camunda Cloud" modeler:executionPlatformVersion="8.6.0"'
)


def line(tasks: int = 10) -> bytes:
    """start -> *tasks* script tasks -> end."""
    nodes = [_script(f"Task_{number}", f"v{number} = {number} + 1") for number in range(tasks)]
    return _process(nodes, _chain(["Begin", *(f"Task_{number}" for number in range(tasks)), "Finish"]))


def services(tasks: int = 10) -> bytes:
    """start -> *tasks* service tasks of the job type `work` -> end."""
    nodes = [_service(f"Task_{number}", "work") for number in range(tasks)]
    return _camunda_8(nodes, _chain(["Begin", *(f"Task_{number}" for number in range(tasks)), "Finish"]), "services")


def parallel_services() -> bytes:
    """start -> a service task of the job type `work` for each item of the variable `items`, in parallel -> end."""
    loop = (
        '<multiInstanceLoopCharacteristics isSequential="false">'
        '<extensionElements><zeebe:loopCharacteristics inputCollection="=items" inputElement="item" '
        'outputCollection="results" outputElement="=n" /></extensionElements></multiInstanceLoopCharacteristics>'
    )
    return _camunda_8([_service("Item", "work", loop)], _chain(["Begin", "Item", "Finish"]), "parallel")


def waiting() -> bytes:
    """start -> an event-based gateway: on for a message `paid` whose key is `number`, or when `due` has come -> end.
    An instance holds a timer and a subscription, and stands where instances of long processes do: it waits."""
    key = '<extensionElements><zeebe:subscription correlationKey="=number" /></extensionElements>'
    nodes = [
        '<eventBasedGateway id="Wait" />',
        '<intermediateCatchEvent id="Paid"><messageEventDefinition messageRef="Message" /></intermediateCatchEvent>',
        '<intermediateCatchEvent id="Due"><timerEventDefinition>'
        '<timeDate xsi:type="tFormalExpression">=due</timeDate></timerEventDefinition></intermediateCatchEvent>',
    ]
    flows = [*_chain(["Begin", "Wait", "Paid", "Finish"]), *_chain(["Wait", "Due", "Finish"])]
    return _camunda_8(nodes, flows, "waiting", f'<message id="Message" name="paid">{key}</message>')


def script_loop(turns: int | str, key: str = "benchmark") -> bytes:
    """start -> script `i = i + 1` -> gateway, back to the script while i < *turns* -> end. *turns*: a number, or the
    variable that has it."""
    nodes = [*_loop_nodes(), _script("Body", "i = i + 1")]
    return _process(nodes, [*_chain(["Begin", "Init", "Merge", "Body", "More"]), *_turn(turns)], key)


def user_task_loop(turns: int | str, key: str = "benchmark") -> bytes:
    """As `script_loop`, with a user task before the script: a wait state, thus a save, in every turn."""
    body = [_script("Body", "i = i + 1"), '<userTask id="Approve" />']
    flows = [*_chain(["Begin", "Init", "Merge", "Approve", "Body", "More"]), *_turn(turns)]
    return _process([*_loop_nodes(), *body], flows, key)


def long_loop(steps: int) -> bytes:
    """As `user_task_loop` without an end: a user task, then *steps* script tasks, and again."""
    names = [f"Step_{number}" for number in range(steps)]
    body = [_script(name, "i = i + 1") for name in names]
    flows = [*_chain(["Begin", "Init", "Merge", "Approve", *names, "More"]), *_turn(1_000_000)]
    return _process([*_loop_nodes(), *body, '<userTask id="Approve" />'], flows)


def multi_instance(items: int) -> bytes:
    """start -> a script makes a list -> a script task for each of *items* items in parallel, results kept -> end."""
    loop = (
        '<multiInstanceLoopCharacteristics isSequential="false">'
        "<loopDataInputRef>items</loopDataInputRef><loopDataOutputRef>squares</loopDataOutputRef>"
        '<inputDataItem id="item" name="item" /><outputDataItem id="square" name="square" />'
        "</multiInstanceLoopCharacteristics>"
    )
    nodes = [_script("Init", f"items = list(range({items}))"), _script("Item", "square = item * item", loop)]
    return _process(nodes, _chain(["Begin", "Init", "Item", "Finish"]))


def _loop_nodes() -> list[str]:
    more = '<exclusiveGateway id="More" default="Flow_More_Finish" />'
    return [_script("Init", "i = 0"), '<exclusiveGateway id="Merge" />', more]


def _turn(turns: int | str) -> list[str]:
    condition = f'<conditionExpression xsi:type="tFormalExpression">i &lt; {turns}</conditionExpression>'
    return [_flow("More", "Merge", condition), _flow("More", "Finish")]


def _chain(ids: Sequence[str]) -> list[str]:
    return [_flow(source, target) for source, target in pairwise(ids)]


def _flow(source: str, target: str, inside: str = "") -> str:
    return (
        f'<sequenceFlow id="Flow_{source}_{target}" sourceRef="{source}" targetRef="{target}">{inside}</sequenceFlow>'
    )


def _script(element_id: str, text: str, inside: str = "") -> str:
    return f'<scriptTask id="{element_id}" scriptFormat="python">{inside}<script>{text}</script></scriptTask>'


def _service(element_id: str, job_type: str, inside: str = "") -> str:
    return (
        f'<serviceTask id="{element_id}"><extensionElements><zeebe:taskDefinition type="{job_type}" />'
        f"</extensionElements>{inside}</serviceTask>"
    )


def _camunda_8(nodes: Sequence[str], flows: Sequence[str], key: str, roots: str = "") -> bytes:
    return _process(nodes, flows, key, roots, CAMUNDA_8)


def _process(
    nodes: Sequence[str], flows: Sequence[str], key: str = "benchmark", roots: str = "", more: str = ""
) -> bytes:
    inside = "\n".join(['<startEvent id="Begin" />', *nodes, '<endEvent id="Finish" />', *flows])
    return (
        f'<definitions xmlns="{BPMN}" xmlns:xsi="{INSTANCE}"{more} id="Definitions" targetNamespace="benchmark">\n'
        f'{roots}<process id="{key}" isExecutable="true">\n{inside}\n</process>\n</definitions>\n'
    ).encode()
