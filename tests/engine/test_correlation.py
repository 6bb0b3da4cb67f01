"""Messages and signals: to whom they go."""

from pathlib import Path

import pytest

from engine.engine import Engine
from engine.errors import Conflict, InvalidInput, NotFound
from engine.model import InstanceState, Resource


@pytest.fixture
def post(engine: Engine, models: Path) -> Engine:
    engine.deploy(models / "messages.bpmn")
    return engine


def test_a_message_reaches_the_instance_that_waits(post: Engine) -> None:
    receiver = post.start("receiver")
    found = post.correlate("payment", variables={"paid": 7}, by="bank")

    assert (found.matched, found.started) == ((receiver.id,), ())
    assert post.read.instance(receiver.id).state is InstanceState.COMPLETED
    assert post.read.variables(receiver.id) == {"paid": 7}
    entry = next(each for each in post.read.history(receiver.id).log if each.action == "message.correlated")
    assert (entry.actor, entry.detail) == ("bank", {"name": "payment"})


def test_the_business_key_tells_instances_apart(post: Engine) -> None:
    receivers = [post.start("receiver", business_key=key) for key in ("A", "B")]
    assert post.correlate("payment", business_key="B").matched == (receivers[1].id,)
    assert post.read.instance(receivers[0].id).state is InstanceState.RUNNING


def test_a_message_for_several_is_refused_unless_it_is_meant_for_all(post: Engine) -> None:
    receivers = [post.start("receiver") for _ in range(2)]
    with pytest.raises(Conflict, match="2 wait for message 'payment'"):
        post.correlate("payment")
    assert post.correlate("payment", all=True).matched == tuple(receiver.id for receiver in receivers)


def test_a_message_nobody_waits_for_is_refused(post: Engine) -> None:
    with pytest.raises(NotFound, match="Nobody waits for message 'payment'"):
        post.correlate("payment")


def test_a_message_starts_a_process(post: Engine) -> None:
    found = post.correlate("new order", variables={"item": "book"}, business_key="A-1")
    started = post.read.instance(found.started[0])
    assert (started.process_key, started.business_key) == ("starter", "A-1")
    assert post.read.variables(started.id) == {"item": "book"}


def test_a_message_thrown_by_one_process_reaches_another(post: Engine) -> None:
    receiver = post.start("receiver")
    post.start("sender")
    assert post.read.instance(receiver.id).state is InstanceState.COMPLETED


def test_a_thrown_message_that_nobody_waits_for_is_on_record(post: Engine) -> None:
    sender = post.start("sender")
    actions = [entry.action for entry in post.read.history(sender.id).log]
    assert actions == ["instance.started", "message.thrown", "instance.ended", "message.lost"]


def test_a_signal_reaches_everybody_and_starts_processes(post: Engine) -> None:
    waiting = [post.start("alarmed") for _ in range(3)]
    assert post.signal("alarm", variables={"level": 2}) == 4
    assert all(post.read.instance(each.id).state is InstanceState.COMPLETED for each in waiting)
    assert post.read.instances(key="wakes").total == 1


def test_a_signal_for_nobody_is_no_error(post: Engine) -> None:
    assert post.signal("silence") == 0


def test_a_suspended_receiver_gets_the_signal_when_it_goes_on(post: Engine) -> None:
    waiting = post.start("alarmed")
    post.suspend(waiting.id)
    post.signal("alarm")
    assert post.work() == 0
    post.activate(waiting.id)
    post.work()
    assert post.read.instance(waiting.id).state is InstanceState.COMPLETED


def test_a_message_for_a_suspended_instance_is_refused(post: Engine) -> None:
    waiting = post.start("receiver")
    post.suspend(waiting.id)
    with pytest.raises(Conflict, match="is suspended"):
        post.correlate("payment")


def test_a_new_version_takes_over_the_start_message(post: Engine, models: Path) -> None:
    from engine import Resource

    data = (models / "messages.bpmn").read_bytes()
    post.deploy(Resource("messages.bpmn", data.replace(b'id="Look"', b'id="Look" name="new"')))
    found = post.correlate("new order")
    assert post.read.instance(found.started[0]).version == 2


@pytest.mark.parametrize("name", ["", "x" * 300, "a\0b"])
def test_a_name_that_is_none_is_refused(post: Engine, name: str) -> None:
    with pytest.raises(InvalidInput, match="message name"):
        post.correlate(name)


def test_a_catch_event_can_be_triggered_by_hand(post: Engine) -> None:
    receiver = post.start("receiver")
    post.trigger(receiver.id, "Paid", {"paid": 1}, by="ann")
    assert post.read.variables(receiver.id) == {"paid": 1}
    with pytest.raises(NotFound):
        post.trigger(post.start("receiver").id, "End")


def test_of_two_signals_for_a_suspended_receiver_the_second_comes_too_late(post: Engine) -> None:
    waiting = post.start("alarmed")
    post.suspend(waiting.id)
    post.signal("alarm")
    post.signal("alarm")
    post.activate(waiting.id)
    post.work()
    assert post.read.instance(waiting.id).state is InstanceState.COMPLETED
    assert (post.read.incidents(), post.read.jobs()) == ([], [])


LOCALLY = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t"
  xmlns:camunda="http://camunda.org/schema/1.0/bpmn"><message id="M" name="arrived"/>
  <process id="parcels" isExecutable="true"><startEvent id="S"/><sequenceFlow id="f" sourceRef="S" targetRef="Wait"/>
  <receiveTask id="Wait" messageRef="M"><multiInstanceLoopCharacteristics camunda:collection="${parcels}"
  camunda:elementVariable="parcel"/></receiveTask><sequenceFlow id="g" sourceRef="Wait" targetRef="Check"/>
  <userTask id="Check"><extensionElements><camunda:inputOutput><camunda:inputParameter
  name="shelf">7</camunda:inputParameter></camunda:inputOutput></extensionElements></userTask>
  <boundaryEvent id="Lost" attachedToRef="Check">
  <messageEventDefinition messageRef="M"/></boundaryEvent><sequenceFlow id="h" sourceRef="Lost" targetRef="E"/>
  <endEvent id="E"/></process></definitions>"""


def test_what_waits_is_found_by_its_own_variables(engine: Engine) -> None:
    engine.deploy(Resource("parcels.bpmn", LOCALLY.encode()))
    instance = engine.start("parcels", variables={"parcels": ["a", 2, "c"], "parcel": "c"})

    def arrive(parcel: object) -> None:
        engine.correlate("arrived", local_correlation_keys={"parcel": parcel})

    def waiting() -> list[object]:
        scopes = [engine.read.variables(instance.id, each.activity_id) for each in engine.read.active(instance.id)]
        return [each["parcel"] for each in scopes if "parcel" in each]

    arrive(2)
    assert waiting() == ["a", "c"]
    with pytest.raises(NotFound):
        arrive(2)
    with pytest.raises(Conflict, match="2 wait"):
        engine.correlate("arrived")
    arrive("c")
    arrive("a")
    with pytest.raises(NotFound):
        engine.correlate("arrived", local_correlation_keys={"parcels": ["a", 2, "c"]})
    engine.correlate("arrived", local_correlation_keys={"shelf": "7"})  # those of what the event is attached to
    assert engine.read.instance(instance.id).state is InstanceState.COMPLETED
