"""Data objects, data stores, associations and input sets, as plain BPMN and SpiffWorkflow write them."""

from __future__ import annotations

from typing import Any

import pytest

from bpmn.reader import read_bpmn
from engine import commands, events
from engine.errors import InvalidInput
from engine.evaluation import services
from engine.interpreter import Program
from engine.interpreter.stores import Stored
from tests.engine.interpreter.story import Story, flows, no_decision

PLAIN = ""
SPIFF = ' xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core" spiffworkflow:jsonSchemaId=""'
CAMUNDA = ' xmlns:camunda="http://camunda.org/schema/1.0/bpmn" camunda:diagramRelationId=""'
STORE = '<dataStoreReference id="ref" name="Customers" dataStoreRef="customers"/>'
DATA_OBJECT = '<dataObject id="o" name="{0}"/><dataObjectReference id="{0}_ref" dataObjectRef="o"/>'
ENDS = '<startEvent id="S"/><endEvent id="E"/>'


class Shelf(dict[str, Stored]):
    """Data stores in memory, changed by what instances have written."""

    def read(self, key: str, *, to_write: bool = False) -> Stored:
        return self.get(key, Stored())

    def take(self, happened: list[events.Event]) -> None:
        for event in happened:
            if isinstance(event, events.DataStoreWritten):
                self[event.store] = Stored(event.value, event.version, "instance:i")


class DataStory(Story):
    def __init__(
        self, program: Program, shelf: Shelf | None = None, start_event: str | None = None, **variables: Any
    ) -> None:
        self.shelf = Shelf() if shelf is None else shelf
        self.start_event = start_event
        super().__init__(program, **variables)

    def do(self, command: type[commands.Command], **data: Any) -> list[events.Event]:
        self.stores = self.shelf
        if command is commands.Start:
            data["start_event"] = self.start_event
        happened = super().do(command, **data)
        self.shelf.take(happened)
        return happened


def program(body: str, *paths: str, dialect: str = PLAIN, definitions: str = "", process: str = "") -> Program:
    text = (
        '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t" '
        f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"{dialect}>{definitions}'
        f'<process id="p" isExecutable="true">{process}{body}{flows(*paths)}</process></definitions>'
    )
    model, findings = read_bpmn(text.encode(), "data.bpmn")
    problems = [str(finding) for finding in findings if finding.severity == "error"]
    assert not problems, problems
    assert model is not None
    return Program(model.processes[-1], services(no_decision))


def drawn(direction: str, reference: str) -> str:
    """An association as bpmn.io writes it, to a task that declares no data."""
    if direction == "Output":
        return f"<dataOutputAssociation><targetRef>{reference}</targetRef></dataOutputAssociation>"
    return (
        '<property id="hold" name="__targetRef_placeholder"/><dataInputAssociation>'
        f"<sourceRef>{reference}</sourceRef><targetRef>hold</targetRef></dataInputAssociation>"
    )


def io(inputs: str = "", outputs: str = "", optional: str = "") -> str:
    """An ioSpecification with data inputs and outputs of these ids, in one set each."""
    declared = "".join(f'<dataInput id="{each}" name="{each}"/>' for each in inputs.split())
    declared += "".join(f'<dataOutput id="{each}" name="{each}"/>' for each in outputs.split())
    refs = "".join(f"<dataInputRefs>{each}</dataInputRefs>" for each in inputs.split())
    refs += "".join(f"<optionalInputRefs>{each}</optionalInputRefs>" for each in optional.split())
    outs = "".join(f"<dataOutputRefs>{each}</dataOutputRefs>" for each in outputs.split())
    return f"<ioSpecification>{declared}<inputSet>{refs}</inputSet><outputSet>{outs}</outputSet></ioSpecification>"


def takes(source: str, target: str, more: str = "") -> str:
    ends = f"<sourceRef>{source}</sourceRef><targetRef>{target}</targetRef>"
    return f"<dataInputAssociation>{ends}{more}</dataInputAssociation>"


def gives(source: str, target: str, more: str = "") -> str:
    ends = f"<sourceRef>{source}</sourceRef><targetRef>{target}</targetRef>"
    return f"<dataOutputAssociation>{ends}{more}</dataOutputAssociation>"


def script(element_id: str, text: str, data: str = "") -> str:
    return f'<scriptTask id="{element_id}" scriptFormat="python">{data}<script>{text}</script></scriptTask>'


def stored(body: str, *paths: str, dialect: str = PLAIN, more: str = "") -> Program:
    """A process with the data store 'customers'."""
    store = (
        f'<dataStore id="customers" name="JSONDataStore"{more}/>'
        if dialect == SPIFF
        else (f'<dataStore id="customers" name="customers"{more}/>')
    )
    return program(body + STORE, *paths, dialect=dialect, definitions=store)


# --- data stores -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", [PLAIN, SPIFF])
def test_a_store_is_written_by_one_instance_and_read_by_the_next(dialect: str) -> None:
    writes = stored(ENDS + script("Add", "customers = ['Ann']", drawn("Output", "ref")), "S Add E", dialect=dialect)
    reads = stored(ENDS + script("Get", "n = len(customers)", drawn("Input", "ref")), "S Get E", dialect=dialect)
    writer = DataStory(writes)
    reader = DataStory(reads, writer.shelf)

    assert writer.shelf == {"customers": Stored(["Ann"], 1, "instance:i")}
    assert writer.variables == {}, "what goes to the store stays in no variable"
    assert reader.variables == {"n": 1}
    assert [(each.element_id, each.version) for each in reader.of(events.DataStoreRead)] == [("Get", 1)]


def test_what_one_activity_writes_the_next_of_the_same_command_reads() -> None:
    both = drawn("Input", "ref") + drawn("Output", "ref")
    add = "customers = customers + [len(customers)]"
    story = DataStory(
        stored(ENDS + script("A", add, both) + script("B", add, both.replace("hold", "hold2")), "S A B E"),
        Shelf(customers=Stored([], 1)),
    )

    assert story.shelf["customers"] == Stored([0, 1], 3, "instance:i")


def test_an_unchanged_store_is_not_written() -> None:
    both = drawn("Input", "ref") + drawn("Output", "ref")
    story = DataStory(stored(ENDS + script("A", "n = 1", both), "S A E"), Shelf(customers=Stored([1], 4)))

    assert story.shelf["customers"].version == 4
    assert story.of(events.DataStoreWritten) == []


def test_a_store_that_changed_during_the_work_is_not_written_over_unawares() -> None:
    both = drawn("Input", "ref") + drawn("Output", "ref")
    story = DataStory(
        stored(f'{ENDS}<userTask id="Edit">{both}</userTask>', "S Edit E"), Shelf(customers=Stored(["Ann"], 1))
    )
    story.shelf["customers"] = Stored(["Ann", "Bob"], 2, "instance:other")
    story.complete("Edit", customers=["Ann", "Eve"])

    assert story.shelf["customers"].value == ["Ann", "Bob"]
    assert "changed by instance:other since 'Edit' read it (version 1, now 2)" in story.incidents[0].message
    story.do(commands.RetryActivity, activity_id=story.incidents[0].activity_id)
    assert (story.shelf["customers"].value, story.outcome) == (["Ann", "Eve"], "completed")


def test_who_changed_nothing_is_not_in_the_way_of_who_did() -> None:
    both = drawn("Input", "ref") + drawn("Output", "ref")
    story = DataStory(
        stored(f'{ENDS}<userTask id="Look">{both}</userTask>', "S Look E"), Shelf(customers=Stored(["Ann"], 1))
    )
    story.shelf["customers"] = Stored(["Ann", "Bob"], 2, "instance:other")
    story.complete("Look")

    assert (story.shelf["customers"].value, story.outcome) == (["Ann", "Bob"], "completed")


def test_a_required_store_without_a_value_is_an_incident_that_a_retry_takes_up() -> None:
    get = script("Get", "n = customers", drawn("Input", "ref"))
    story = DataStory(stored(ENDS + get, "S Get E", dialect=SPIFF))
    assert "fermata data set 'customers'" in story.incidents[0].message

    story.shelf["customers"] = Stored(7, 1)
    story.do(commands.RetryActivity, activity_id=story.incidents[0].activity_id)
    assert story.variables == {"n": 7}


def test_a_store_that_gets_no_value_is_an_incident_where_its_editor_means_it() -> None:
    story = DataStory(stored(ENDS + script("Add", "x = 1", drawn("Output", "ref")), "S Add E", dialect=SPIFF))

    assert "writes data store 'Customers', but its variable 'customers' has no value" in story.incidents[0].message


def test_a_list_longer_than_the_capacity_is_not_written() -> None:
    limited = ' capacity="2" isUnlimited="false"'
    add = script("Add", "customers = [1, 2, 3]", drawn("Output", "ref"))
    story = DataStory(stored(ENDS + add, "S Add E", more=limited))

    assert "holds 2 items at most" in story.incidents[0].message


def test_a_looped_activity_reads_and_writes_its_store_once() -> None:
    loop = '<standardLoopCharacteristics testBefore="false" loopMaximum="3"/>'
    add = script("A", "customers = customers + [loopCounter]", drawn("Input", "ref") + drawn("Output", "ref") + loop)
    story = DataStory(stored(ENDS + add, "S A E"), Shelf(customers=Stored([], 1)))

    assert story.shelf["customers"] == Stored([1, 2, 3], 2, "instance:i")


def test_a_store_is_a_picture_to_camunda() -> None:
    both = drawn("Input", "ref") + drawn("Output", "ref")
    body = f'{ENDS}<userTask id="T">{both}</userTask>'
    story = DataStory(stored(body, "S T E", dialect=CAMUNDA), customers=1)
    story.complete("T", customers=2)

    assert (story.shelf, story.variables, story.outcome) == ({}, {"customers": 2}, "completed")


# --- associations ----------------------------------------------------------------------------------


def test_an_input_goes_by_its_own_name_in_the_activity_only() -> None:
    data = io("incoming", "outgoing") + takes("order_ref", "incoming") + gives("outgoing", "order_ref")
    story = DataStory(
        program(ENDS + DATA_OBJECT.format("order") + script("T", "outgoing = incoming + 1", data), "S T E"), order=1
    )

    assert story.variables == {"order": 2}
    completed = next(each for each in story.of(events.ActivityCompleted) if each.element_id == "T")
    assert (completed.inputs, completed.outputs) == ({"incoming": 1}, {"order": 2})


def test_a_transformation_computes_what_goes_over() -> None:
    data = (
        io("net", "gross")
        + takes("order_ref", "net", "<transformation>order['total'] * 2</transformation>")
        + gives("gross", "order_ref", "<transformation language='feel'>{total: gross + 1}</transformation>")
    )
    story = DataStory(
        program(ENDS + DATA_OBJECT.format("order") + script("T", "gross = net", data), "S T E"), order={"total": 5}
    )

    assert story.variables == {"order": {"total": 11}}


def test_a_boxed_expression_is_unboxed() -> None:
    boxed = (
        '<transformation language="https://www.omg.org/spec/DMN/20191111/FEEL/"><![CDATA[<d:literalExpression '
        'xmlns:d="x"><d:text>order.total + 1</d:text></d:literalExpression>]]></transformation>'
    )
    data = io("net") + takes("order_ref", "net", boxed)
    story = DataStory(
        program(ENDS + DATA_OBJECT.format("order") + script("T", "seen = net", data), "S T E"), order={"total": 5}
    )

    assert story.variables["seen"] == 6


def test_assignments_set_data_by_id_and_inside_it() -> None:
    assignment = "<assignment><from xsi:type='tFormalExpression'>{}</from><to>{}</to></assignment>"
    data = (
        io("a", "b")
        + takes("order_ref", "a", assignment.format('"String"', "a"))
        + gives("b", "order_ref", assignment.format("a + '!'", "order_ref.note.text"))
    )
    story = DataStory(program(ENDS + DATA_OBJECT.format("order") + script("T", "x = a", data), "S T E"), order={"n": 1})

    assert story.variables == {"x": "String", "order": {"n": 1, "note": {"text": "String!"}}}


def test_a_thrown_message_carries_its_data_input_and_a_catch_puts_it_where_it_is_drawn() -> None:
    message = '<message id="m" name="M"/>'
    sender = program(
        f'{DATA_OBJECT.format("order")}<startEvent id="S"/><endEvent id="E"><dataInput id="sent" name="sent"/>'
        f"{takes('order_ref', 'sent')}<inputSet><dataInputRefs>sent</dataInputRefs></inputSet>"
        '<messageEventDefinition messageRef="m"/></endEvent>',
        "S E",
        definitions=message,
    )
    receiver = program(
        f'{DATA_OBJECT.format("mine")}{ENDS}<intermediateCatchEvent id="C"><dataOutput id="got" name="got"/>'
        f"{gives('got', 'mine_ref')}<outputSet><dataOutputRefs>got</dataOutputRefs></outputSet>"
        '<messageEventDefinition messageRef="m"/></intermediateCatchEvent>',
        "S C E",
        definitions=message,
    )
    thrown = DataStory(sender, order={"id": 7}).of(events.MessageThrown)[0]
    story = DataStory(receiver)
    story.trigger("C", **thrown.variables)

    assert story.variables["mine"] == {"id": 7}


def test_a_payload_of_named_values_goes_to_the_data_output_of_that_name() -> None:
    receive = f'<receiveTask id="R" messageRef="m">{io(outputs="got")}{gives("got", "mine_ref")}</receiveTask>'
    story = DataStory(
        program(DATA_OBJECT.format("mine") + ENDS + receive, "S R E", definitions='<message id="m" name="M"/>')
    )
    story.trigger("R", got=[1, 2], other=3)

    assert story.variables == {"mine": [1, 2], "other": 3}


SIGNAL = '<signal id="g" name="G"/>'
GOT = '<dataOutput id="got" name="got"/>' + gives("got", "mine_ref")


def test_a_boundary_event_puts_what_it_caught_where_it_is_drawn() -> None:
    boundary = f'<boundaryEvent id="B" attachedToRef="T">{GOT}<signalEventDefinition signalRef="g"/></boundaryEvent>'
    body = f'{ENDS}{DATA_OBJECT.format("mine")}<userTask id="T"/>{boundary}<endEvent id="E2"/>'
    story = DataStory(program(body, "S T E", "B E2", definitions=SIGNAL))
    story.trigger("B", reason="late")

    assert story.variables == {"reason": "late", "mine": {"reason": "late"}}


def test_an_error_that_is_caught_brings_its_data() -> None:
    error = '<error id="x" errorCode="X"/>'
    boundary = f'<boundaryEvent id="B" attachedToRef="T">{GOT}<errorEventDefinition errorRef="x"/></boundaryEvent>'
    body = f'{ENDS}{DATA_OBJECT.format("mine")}<userTask id="T"/>{boundary}<endEvent id="E2"/>'
    story = DataStory(program(body, "S T E", "B E2", definitions=error))
    story.error("T", "X", got=7)

    assert story.variables == {"mine": 7}


def test_a_message_that_starts_a_process_fills_its_data_object() -> None:
    start = f'<startEvent id="S">{GOT}<messageEventDefinition messageRef="m"/></startEvent><endEvent id="E"/>'
    made = program(DATA_OBJECT.format("mine") + start, "S E", definitions='<message id="m" name="M"/>')
    story = DataStory(made, start_event="S", got=[1])

    assert story.variables["mine"] == [1]


def test_a_looped_send_task_sends_its_data() -> None:
    loop = '<standardLoopCharacteristics testBefore="false" loopMaximum="2"/>'
    send = f'<sendTask id="T" messageRef="m">{io("sent")}{takes("order_ref", "sent")}{loop}</sendTask>'
    made = program(ENDS + DATA_OBJECT.format("order") + send, "S T E", definitions='<message id="m" name="M"/>')

    assert [each.variables["sent"] for each in DataStory(made, order=1).of(events.MessageThrown)] == [1, 1]


def test_a_multi_instance_takes_its_collection_from_a_data_input() -> None:
    loop = (
        "<multiInstanceLoopCharacteristics><loopDataInputRef>lines</loopDataInputRef>"
        '<loopDataOutputRef>prices</loopDataOutputRef><inputDataItem id="line" name="line"/>'
        '<outputDataItem id="price" name="price"/></multiInstanceLoopCharacteristics>'
    )
    objects = '<dataObject id="a" name="order"/><dataObjectReference id="order_ref" dataObjectRef="a"/>'
    objects += '<dataObject id="b" name="total"/><dataObjectReference id="total_ref" dataObjectRef="b"/>'
    data = io("lines", "prices") + takes("order_ref", "lines") + gives("prices", "total_ref")
    story = DataStory(program(ENDS + objects + script("T", "price = line * 2", data + loop), "S T E"), order=[1, 2])

    assert story.variables == {"order": [1, 2], "total": [2, 4]}


# --- input sets ------------------------------------------------------------------------------------


def forked(optional: str = "") -> Program:
    """B needs the data object 'report', which A may write beside it."""
    needs = io("report_in", optional=optional) + takes("report_ref", "report_in")
    body = f'{ENDS}{DATA_OBJECT.format("report")}<parallelGateway id="F"/><userTask id="A"/>'
    return program(body + script("B", "n = 1", needs), "S F A E", "F B E")


def test_an_activity_waits_until_its_data_is_there() -> None:
    story = DataStory(forked())
    assert (story.passed["B"], story.incidents) == (0, [])

    story.complete("A", report="done")
    assert (story.variables, story.outcome) == ({"report": "done", "n": 1}, "completed")


def test_an_incident_names_data_that_nothing_can_bring_any_more() -> None:
    story = DataStory(forked())
    story.complete("A")
    assert "'B' needs data that has no value: 'report'" in story.incidents[0].message

    story.do(commands.SetVariables, variables={"report": 1})
    assert (story.incidents, story.outcome) == ([], "completed")


def test_an_optional_input_is_not_waited_for() -> None:
    assert DataStory(forked(optional="report_in")).passed["B"] == 1


def test_the_first_available_of_several_input_sets_is_enough() -> None:
    sets = (
        '<ioSpecification><dataInput id="a"/><dataInput id="b"/><inputSet><dataInputRefs>a</dataInputRefs></inputSet>'
        "<inputSet><dataInputRefs>b</dataInputRefs></inputSet></ioSpecification>"
    )
    objects = "".join(f'<dataObject id="{x}{x}"/><dataObjectReference id="{x}r" dataObjectRef="{x}{x}"/>' for x in "ab")
    task = script("T", "x = b", sets + takes("ar", "a") + takes("br", "b"))
    story = DataStory(program(ENDS + objects + task, "S T E"), bb=5)

    assert story.variables["x"] == 5


# --- scopes ----------------------------------------------------------------------------------------


def test_a_data_object_of_a_subprocess_belongs_to_each_of_its_instances() -> None:
    loop = "<multiInstanceLoopCharacteristics><loopCardinality>2</loopCardinality></multiInstanceLoopCharacteristics>"
    inner = f'{DATA_OBJECT.format("mine")}<userTask id="T"/>{script("X", "seen = seen + [mine]")}{flows("T X")}'
    story = DataStory(program(f'{ENDS}<subProcess id="Sub">{loop}{inner}</subProcess>', "S Sub E"), seen=[])
    story.complete("T", 0, mine="a")
    story.complete("T", 0, mine="b")

    assert story.variables == {"seen": ["a", "b"]}


def test_flowables_data_objects_have_default_values() -> None:
    default = '<dataObject id="limit" name="limit" itemSubjectRef="xsd:int"><extensionElements><camunda:value>5'
    default += "</camunda:value></extensionElements></dataObject>"
    story = DataStory(program(f"{ENDS}{default}", "S E", dialect=CAMUNDA))

    assert story.variables == {"limit": 5}


def test_a_process_needs_its_data_inputs_and_gives_its_data_outputs() -> None:
    made = program(ENDS + script("T", "total = amount * 2\nnoise = 1"), "S T E", process=io("amount", "total"))
    with pytest.raises(InvalidInput, match="'p' needs 'amount'"):
        DataStory(made)

    assert DataStory(made, amount=2).instance.result() == {"total": 4}
