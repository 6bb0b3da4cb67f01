"""The diagrams that are measured, as bytes of plain BPMN that both engines read unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"


def line(tasks: int = 10) -> bytes:
    """start -> *tasks* script tasks -> end."""
    nodes = [_script(f"Task_{number}", f"v{number} = {number} + 1") for number in range(tasks)]
    return _process(nodes, _chain(["Begin", *(f"Task_{number}" for number in range(tasks)), "Finish"]))


def script_loop(turns: int) -> bytes:
    """start -> script `i = i + 1` -> gateway, back to the script while i < *turns* -> end."""
    return _loop(_script("Body", "i = i + 1"), turns)


def user_task_loop(turns: int) -> bytes:
    """As `script_loop`, with a user task before the script: a wait state, thus a save, in every turn."""
    body = [_script("Body", "i = i + 1"), '<userTask id="Approve" />']
    flows = [*_chain(["Begin", "Init", "Merge", "Approve", "Body", "More"]), *_turn(turns)]
    return _process([*_loop_nodes(), *body], flows)


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


def _loop(body: str, turns: int) -> bytes:
    return _process([*_loop_nodes(), body], [*_chain(["Begin", "Init", "Merge", "Body", "More"]), *_turn(turns)])


def _loop_nodes() -> list[str]:
    more = '<exclusiveGateway id="More" default="Flow_More_Finish" />'
    return [_script("Init", "i = 0"), '<exclusiveGateway id="Merge" />', more]


def _turn(turns: int) -> list[str]:
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


def _process(nodes: Sequence[str], flows: Sequence[str]) -> bytes:
    inside = "\n".join(['<startEvent id="Begin" />', *nodes, '<endEvent id="Finish" />', *flows])
    return (
        f'<definitions xmlns="{BPMN}" xmlns:xsi="{INSTANCE}" id="Definitions" targetNamespace="benchmark">\n'
        f'<process id="benchmark" isExecutable="true">\n{inside}\n</process>\n</definitions>\n'
    ).encode()
