"""The words examples are told in: nodes, events, and what each dialect makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from xml.sax.saxutils import escape, quoteattr

from tests.elements.dialects import Dialect, Text
from tests.elements.example import Node, Part, Parts

INTERRUPTS, GOES_ON = True, False


def fixed(**attributes: str) -> Part:
    return lambda dialect: Parts(attributes=dict(attributes))


def body(*xml: str) -> Part:
    return lambda dialect: Parts(body=list(xml))


def extensions(**xml: str) -> Part:
    """Extension elements by dialect: extensions(camunda7='<camunda:...>')."""
    return lambda dialect: Parts(extensions=[xml[dialect.name]] if xml.get(dialect.name) else [])


def attributes(**by_dialect: Mapping[str, str]) -> Part:
    return lambda dialect: Parts(attributes=dict(by_dialect.get(dialect.name, {})))


# --- nodes ------------------------------------------------------------------------------------------


def start(name: str = "", event: Part | None = None, *, id: str = "Start") -> Node:
    return Node(id, "startEvent", name, (event,) if event else ())


def end(id: str, name: str, *events: Part) -> Node:
    said = () if events else (_instructions(f"{name}."),)
    return Node(id, "endEvent", name, (*events, *said))


def user(id: str, name: str, *parts: Part) -> Node:
    """A person's task: the plainest thing that waits."""
    native = extensions(camunda8="<zeebe:userTask/>")
    return Node(id, "userTask", name, (native, _instructions(f"{name}, please."), *parts))


def task(id: str, name: str, *parts: Part) -> Node:
    return Node(id, "task", name, parts)


def manual(id: str, name: str, *parts: Part) -> Node:
    return Node(id, "manualTask", name, (_instructions(f"{name}, please."), *parts))


def service(id: str, name: str, job: str, *parts: Part, tag: str = "serviceTask") -> Node:
    return Node(id, tag, name, (_job(job), *parts))


def script(id: str, name: str, variable: str, value: Text, *parts: Part) -> Node:
    """A script task whose result goes to *variable*."""

    def part(dialect: Dialect) -> Parts:
        match dialect.name:
            case "camunda7":
                text = escape(dialect.text(value))
                return Parts(
                    {"scriptFormat": "juel", "camunda:resultVariable": variable},
                    body=[f"<bpmn:script>{text}</bpmn:script>"],
                )
            case "camunda8":
                written = f'<zeebe:script expression={dialect.attribute(value)} resultVariable="{variable}"/>'
                return Parts(extensions=[written])
            case _:
                text = f"{variable} = {dialect.text(value)}"
                format = {"scriptFormat": "python"} if dialect.name == "bpmn" else {}
                return Parts(format, body=[f"<bpmn:script>{escape(text)}</bpmn:script>"])

    return Node(id, "scriptTask", name, (part, *parts))


def gateway(kind: str, id: str, name: str = "", *parts: Part) -> Node:
    return Node(id, f"{kind}Gateway", name, parts)


def catch(id: str, name: str, *events: Part) -> Node:
    return Node(id, "intermediateCatchEvent", name, events)


def throw(id: str, name: str, *events: Part) -> Node:
    return Node(id, "intermediateThrowEvent", name, events)


def boundary(id: str, name: str, host: str, *events: Part, interrupts: bool = True) -> Node:
    parts = events if interrupts else (fixed(cancelActivity="false"), *events)
    return Node(id, "boundaryEvent", name, parts, host)


def sub(id: str, name: str, lines: str, *nodes: Node, parts: tuple[Part, ...] = (), tag: str = "subProcess") -> Node:
    return Node(id, tag, name, parts, "", nodes, lines)


def event_sub(
    id: str, name: str, lines: str, *nodes: Node, interrupts: bool = True, parts: tuple[Part, ...] = ()
) -> Node:
    first = nodes[0] if interrupts else replace(nodes[0], parts=(fixed(isInterrupting="false"), *nodes[0].parts))
    return sub(id, name, lines, first, *nodes[1:], parts=(fixed(triggeredByEvent="true"), *parts))


def undoing(node: Node) -> Node:
    """*node* as a compensation handler."""
    return replace(node, parts=(fixed(isForCompensation="true"), *node.parts))


def _instructions(text: str) -> Part:
    written = f"<spiffworkflow:instructionsForEndUser>{escape(text)}</spiffworkflow:instructionsForEndUser>"
    return extensions(spiffworkflow=written)


def _job(job: str) -> Part:
    return lambda dialect: {
        "bpmn": Parts({"implementation": job}),
        "camunda7": Parts({"camunda:type": "external", "camunda:topic": job}),
        "camunda8": Parts(extensions=[f'<zeebe:taskDefinition type="{job}"/>']),
        "spiffworkflow": Parts(
            extensions=[
                f'<spiffworkflow:serviceTaskOperator id="{job}"><spiffworkflow:parameters/>'
                "</spiffworkflow:serviceTaskOperator>"
            ]
        ),
    }[dialect.name]


# --- events -----------------------------------------------------------------------------------------


def _definition(kind: str, attributes: str = "", inside: str = "", **roots: str) -> Parts:
    return Parts(body=[f"<bpmn:{kind}EventDefinition{attributes}>{inside}</bpmn:{kind}EventDefinition>"], roots=roots)


def message(name: str, key: Text = "") -> Part:
    """*key*: what a message must carry to be meant, written where the dialect has a place for it on the message."""

    def part(dialect: Dialect) -> Parts:
        root, reference = message_root(dialect, name, key)
        return _definition("message", f' messageRef="{reference}"', **{reference: root})

    return part


def message_root(dialect: Dialect, name: str, key: Text = "") -> tuple[str, str]:
    reference = f"Message_{name}"
    inside = ""
    if key and dialect.name == "camunda8":
        inside = (
            f"<bpmn:extensionElements><zeebe:subscription correlationKey={dialect.attribute(key)}/>"
            "</bpmn:extensionElements>"
        )
    return f'<bpmn:message id="{reference}" name={quoteattr(name)}>{inside}</bpmn:message>', reference


def timer(kind: str, text: str) -> Part:
    """*kind*: Date, Duration or Cycle."""

    def part(dialect: Dialect) -> Parts:
        written = f'"{text}"' if dialect.name == "spiffworkflow" else text
        inside = f'<bpmn:time{kind} xsi:type="bpmn:tFormalExpression">{written}</bpmn:time{kind}>'
        return _definition("timer", inside=inside)

    return part


def signal(name: str) -> Part:
    root = f'<bpmn:signal id="Signal_{name}" name={quoteattr(name)}/>'
    return lambda dialect: _definition("signal", f' signalRef="Signal_{name}"', **{f"Signal_{name}": root})


def error(code: str, *, more: Part | None = None) -> Part:
    """*more*: what a dialect writes at the definition, such as where the code goes."""

    def part(dialect: Dialect) -> Parts:
        root = f'<bpmn:error id="Error_{code}" name="{code}" errorCode="{code}"/>'
        written = "".join(f' {n}="{v}"' for n, v in (more(dialect).attributes if more else {}).items())
        return _definition("error", f' errorRef="Error_{code}"{written}', **{f"Error_{code}": root})

    return part


def escalation(code: str) -> Part:
    reference = f"Escalation_{code}"
    root = f'<bpmn:escalation id="{reference}" name="{code}" escalationCode="{code}"/>'
    return lambda dialect: _definition("escalation", f' escalationRef="{reference}"', **{reference: root})


def conditional(condition: Text) -> Part:
    return lambda dialect: _definition("conditional", inside=dialect.formal("condition", condition))


def compensation(activity: str = "") -> Part:
    return lambda dialect: _definition("compensate", f' activityRef="{activity}"' if activity else "")


def link(name: str) -> Part:
    return lambda dialect: _definition("link", f" name={quoteattr(name)}")


def terminate() -> Part:
    return lambda dialect: _definition("terminate")


def cancel() -> Part:
    return lambda dialect: _definition("cancel")


def all_of() -> Part:
    """Marks an event with several definitions as parallel multiple."""
    return fixed(parallelMultiple="true")


# --- loops and conditions ---------------------------------------------------------------------------


def loop(condition: Text, *, before: bool = False, maximum: int | None = None) -> Part:
    def part(dialect: Dialect) -> Parts:
        said = (' testBefore="true"' if before else "") + (f' loopMaximum="{maximum}"' if maximum else "")
        inside = dialect.formal("loopCondition", condition)
        return Parts(body=[f"<bpmn:standardLoopCharacteristics{said}>{inside}</bpmn:standardLoopCharacteristics>"])

    return part


def instances(inside: Part, *, sequential: bool = False, **said: str) -> Part:
    """A multi-instance marker; what *inside* gives stands in it."""

    def part(dialect: Dialect) -> Parts:
        found = inside(dialect)
        every = ({"isSequential": "true"} if sequential else {}) | said | found.attributes
        written = "".join(f" {name}={quoteattr(value)}" for name, value in every.items())
        more = f"<bpmn:extensionElements>{''.join(found.extensions)}</bpmn:extensionElements>"
        content = (more if found.extensions else "") + "".join(found.body)
        tag = "multiInstanceLoopCharacteristics"
        return Parts(body=[f"<bpmn:{tag}{written}>{content}</bpmn:{tag}>"], roots=found.roots)

    return part


def times(number: int | Text) -> Part:
    def part(dialect: Dialect) -> Parts:
        if isinstance(number, int):
            text = f"={number}" if dialect.name == "camunda8" else str(number)
            written = f'<bpmn:loopCardinality xsi:type="bpmn:tFormalExpression">{text}</bpmn:loopCardinality>'
            return Parts(body=[written])
        return Parts(body=[dialect.formal("loopCardinality", number)])

    return part


def completed_when(condition: Text) -> Part:
    return lambda dialect: Parts(body=[dialect.formal("completionCondition", condition)])


def each(collection: str, item: str, output: str = "", value: Text = "") -> Part:
    """One instance for each entry of the variable *collection*; *value* of each goes into the list *output*."""

    def part(dialect: Dialect) -> Parts:
        match dialect.name:
            case "camunda7":
                return Parts({"camunda:collection": collection, "camunda:elementVariable": item})
            case "camunda8":
                more = f' outputCollection="{output}" outputElement={dialect.attribute(value)}' if output else ""
                written = f'<zeebe:loopCharacteristics inputCollection="={collection}" inputElement="{item}"{more}/>'
                return Parts(extensions=[written])
            case _:
                written = [f"<bpmn:loopDataInputRef>{collection}</bpmn:loopDataInputRef>"]
                if output:
                    written.append(f"<bpmn:loopDataOutputRef>{output}</bpmn:loopDataOutputRef>")
                written.append(f'<bpmn:inputDataItem id="{item}" name="{item}"/>')
                if output:
                    result = dialect.text(value)
                    written.append(f'<bpmn:outputDataItem id="{result}" name="{result}"/>')
                return Parts(body=written)

    return part


def both(*parts: Part) -> Part:
    def part(dialect: Dialect) -> Parts:
        found = Parts()
        for each_part in parts:
            found.add(each_part(dialect))
        return found

    return part
