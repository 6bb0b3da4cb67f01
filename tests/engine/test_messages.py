"""Messages that wait for their receivers: kept, delivered once, expired."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from engine.clock import VirtualClock
from engine.engine import Engine
from engine.errors import Conflict, InvalidInput
from engine.model import InstanceState, MessageState, PublicationOutcome, Resource
from engine.modification import CancelElement, StartBefore
from engine.store.tables import message

HOUR = timedelta(hours=1)


@pytest.fixture
def post(engine: Engine, models: Path) -> Engine:
    engine.deploy(models / "post.bpmn")
    return engine


def pack(engine: Engine, instance_id: str) -> None:
    engine.complete(engine.read.tasks(instance_id=instance_id).items[0].id)


def shops(engine: Engine) -> list[str]:
    """The ids of the instances that orders have started, oldest first."""
    return [each.id for each in engine.read.instances(key="shop").items][::-1]


def actions(engine: Engine, instance_id: str) -> list[str]:
    return [entry.action for entry in engine.read.history(instance_id).log]


def test_a_message_waits_for_the_subscription_that_fits_it(post: Engine) -> None:
    stored = post.publish("paid", correlation_key="7", variables={"amount": 1}, ttl=HOUR, by="bank")
    other = post.start("buyer", variables={"order": 8})
    buyer = post.start("buyer", variables={"order": 7})

    assert stored.outcome is PublicationOutcome.STORED
    assert post.read.instance(other.id).state is InstanceState.RUNNING
    assert post.read.instance(buyer.id).state is InstanceState.COMPLETED
    assert post.read.variables(buyer.id) == {"order": 7, "amount": 1}
    entry = next(each for each in post.read.history(buyer.id).log if each.action == "message.correlated")
    assert (entry.actor, entry.element_id, entry.detail) == ("bank", "Paid", {"name": "paid", "message": stored.id})


def test_a_message_somebody_waits_for_is_delivered_at_once(post: Engine) -> None:
    buyer = post.start("buyer", variables={"order": 7})
    sent = post.publish("paid", correlation_key="7", ttl=HOUR)

    assert (sent.outcome, sent.correlation.matched) == (PublicationOutcome.DELIVERED, (buyer.id,))
    assert post.read.messages() == []


def test_without_time_to_live_it_does_not_wait(post: Engine) -> None:
    assert post.publish("paid", correlation_key="7").outcome is PublicationOutcome.DROPPED
    assert post.read.instance(post.start("buyer", variables={"order": 7}).id).state is InstanceState.RUNNING
    with pytest.raises(InvalidInput, match="cannot live"):
        post.publish("paid", ttl=-HOUR)
    with pytest.raises(InvalidInput, match="cannot live"):
        post.publish("paid", ttl=timedelta.max)


def test_messages_are_delivered_once_and_in_the_order_of_their_arrival(post: Engine) -> None:
    for number in (1, 2):
        post.publish("paid", correlation_key="7", variables={"number": number}, ttl=HOUR)
    buyers = [post.start("buyer", variables={"order": 7}).id for _ in range(3)]

    assert [post.read.variables(each).get("number") for each in buyers] == [1, 2, None]


def test_what_stays_open_gets_all_that_has_waited(post: Engine) -> None:
    for number in (1, 2, 3):
        post.publish("note", variables={"number": number}, ttl=HOUR)
    reader = post.start("reader")

    assert [task.element_id for task in post.read.tasks(instance_id=reader.id).items].count("Answer") == 3


def test_an_expired_message_is_not_delivered_and_goes(post: Engine, clock: VirtualClock) -> None:
    post.publish("paid", correlation_key="7", ttl=HOUR)
    clock.advance(HOUR)
    assert post.read.messages() == []
    buyer = post.start("buyer", variables={"order": 7})
    post.work()

    assert post.read.instance(buyer.id).state is InstanceState.RUNNING
    with post.store.reading() as connection:
        from sqlalchemy import func, select

        from engine.store.tables import message, message_key

        counts = [
            connection.execute(select(func.count()).select_from(each)).scalar() for each in (message, message_key)
        ]
    assert counts == [0, 0]


def test_a_second_message_with_the_same_id_does_nothing_while_the_first_lives(
    post: Engine, clock: VirtualClock
) -> None:
    first = post.publish("paid", correlation_key="7", ttl=HOUR, message_id="a")
    again = post.publish("paid", correlation_key="7", ttl=HOUR, message_id="a")
    elsewhere = post.publish("paid", correlation_key="8", ttl=HOUR, message_id="a")
    post.start("buyer", variables={"order": 7})
    late = post.publish("paid", correlation_key="7", ttl=HOUR, message_id="a")
    clock.advance(HOUR)
    anew = post.publish("paid", correlation_key="7", ttl=HOUR, message_id="a")

    assert (again.outcome, again.id) == (PublicationOutcome.DUPLICATE, first.id)
    assert elsewhere.outcome is PublicationOutcome.STORED
    assert (late.outcome, late.id) == (PublicationOutcome.DUPLICATE, first.id)
    assert anew.outcome is PublicationOutcome.STORED


def test_one_that_was_delivered_at_once_is_known_again_too(post: Engine) -> None:
    buyers = [post.start("buyer", variables={"order": 7}).id for _ in range(2)]
    outcomes = [post.publish("paid", correlation_key="7", ttl=HOUR, message_id="a").outcome for _ in range(2)]

    assert outcomes == [PublicationOutcome.DELIVERED, PublicationOutcome.DUPLICATE]
    assert [post.read.instance(each).has_ended for each in buyers] == [True, False]


def test_the_list_shows_who_waits_and_who_received(post: Engine) -> None:
    post.publish("paid", correlation_key="7", ttl=HOUR, by="bank")
    post.publish("note", ttl=HOUR)
    buyer = post.start("buyer", variables={"order": 7})
    paid, note = post.read.messages()

    assert (paid.name, paid.correlation_key, paid.state, paid.receiver_id, paid.published_by) == (
        "paid",
        "7",
        MessageState.DELIVERED,
        buyer.id,
        "bank",
    )
    assert (note.state, note.correlation_key, note.expires_at - note.published_at) == (MessageState.WAITING, None, HOUR)
    assert post.read.messages("note") == [note]
    assert post.read.messages(correlation_key="7") == [paid]


def test_one_instance_for_each_key_runs_at_a_time_and_the_next_message_waits_for_its_end(post: Engine) -> None:
    for number in (1, 2, 3):
        post.publish("order", correlation_key="A", variables={"number": number}, ttl=HOUR)
    post.publish("order", correlation_key="B", variables={"number": 4}, ttl=HOUR)
    assert [post.read.variables(each)["number"] for each in shops(post)] == [1, 4]

    pack(post, shops(post)[0])
    assert [post.read.variables(each)["number"] for each in shops(post)] == [1, 4, 2]
    post.cancel(shops(post)[2])
    assert [post.read.variables(each)["number"] for each in shops(post)] == [1, 4, 2, 3]
    pack(post, shops(post)[3])
    assert len(shops(post)) == 4
    assert {each.receiver_id for each in post.read.messages()} == set(shops(post)[2:])


def test_without_time_to_live_a_second_one_for_a_key_starts_nothing(post: Engine) -> None:
    assert post.publish("order", correlation_key="A").outcome is PublicationOutcome.DELIVERED
    assert post.publish("order", correlation_key="A").outcome is PublicationOutcome.DROPPED
    assert post.publish("order").outcome is PublicationOutcome.DELIVERED


def test_a_message_waits_for_a_process_that_is_deployed_later(engine: Engine, models: Path) -> None:
    for key in ("A", "A", "B"):
        engine.publish("order", correlation_key=key, ttl=HOUR)
    engine.deploy(models / "post.bpmn")
    engine.work()

    assert len(shops(engine)) == 2
    assert [each.state for each in engine.read.messages()] == ["delivered", "waiting", "delivered"]


def test_a_thrown_message_waits_as_long_as_the_diagram_says(post: Engine, clock: VirtualClock) -> None:
    writer = post.start("writer", variables={"order": 7})
    assert "message.stored" in actions(post, writer.id)
    buyer = post.start("buyer", variables={"order": 7})
    assert post.read.instance(buyer.id).has_ended

    late = post.start("writer", variables={"order": 9})
    clock.advance(timedelta(hours=2))
    post.work()
    assert actions(post, late.id)[-1] == "message.expired"
    assert "message.expired" not in actions(post, writer.id)


def test_a_time_to_live_that_is_none_is_refused_with_the_diagram(engine: Engine, models: Path) -> None:
    from engine.errors import DeploymentRefused

    data = (models / "post.bpmn").read_bytes().replace(b"PT2H", b"two hours")
    with pytest.raises(DeploymentRefused, match="two hours"):
        engine.deploy(Resource("post.bpmn", data))


def test_a_suspended_instance_gets_its_message_when_it_goes_on(post: Engine) -> None:
    buyer = post.start("buyer", variables={"order": 7})
    post.suspend(buyer.id)
    assert post.publish("paid", correlation_key="7", ttl=HOUR).outcome is PublicationOutcome.DELIVERED
    post.activate(buyer.id)
    post.work()
    assert post.read.instance(buyer.id).has_ended


def test_what_comes_after_the_message_that_a_suspended_instance_keeps_is_for_the_next_receiver(post: Engine) -> None:
    buyer = post.start("buyer", variables={"order": 7})
    post.suspend(buyer.id)
    outcomes = [post.publish("paid", correlation_key="7", ttl=HOUR).outcome for _ in range(2)]
    assert outcomes == [PublicationOutcome.DELIVERED, PublicationOutcome.STORED]
    assert post.publish("paid", correlation_key="7").outcome is PublicationOutcome.DROPPED
    post.activate(buyer.id)
    post.work()
    assert post.read.instance(buyer.id).has_ended
    assert post.read.instance(post.start("buyer", variables={"order": 7}).id).has_ended


def test_what_came_while_an_instance_was_suspended_is_received_before_what_comes_after_it_goes_on(post: Engine) -> None:
    buyer = post.start("buyer", variables={"order": 7}).id
    post.suspend(buyer)
    post.publish("paid", correlation_key="7", variables={"sum": 1})
    post.activate(buyer)
    later = post.publish("paid", correlation_key="7", variables={"sum": 2}, ttl=HOUR)
    with pytest.raises(Conflict, match="again in a moment"):
        post.correlate("paid", correlation_key="7", variables={"sum": 3})
    post.work()
    assert (later.outcome, post.read.variables(buyer)["sum"]) == (PublicationOutcome.STORED, 1)


def test_a_suspended_instance_that_is_moved_to_where_a_message_waits_gets_it_when_it_goes_on(post: Engine) -> None:
    buyer = post.start("buyer", variables={"order": 8}).id
    waits_at = post.read.active(buyer)[-1].element_id
    for _ in range(2):
        assert post.publish("paid", correlation_key="7", ttl=HOUR).outcome is PublicationOutcome.STORED
    post.set_variables(buyer, {"order": 7})
    post.suspend(buyer)
    post.modify(buyer, CancelElement(waits_at), StartBefore(waits_at))
    states = [each.state for each in post.read.messages("paid", "7")]
    assert states == [MessageState.DELIVERED, MessageState.WAITING]
    assert [each.element_id for each in post.read.active(buyer)] == [waits_at]
    post.activate(buyer)
    post.work()
    assert post.read.instance(buyer).has_ended


def test_of_publishers_and_receivers_at_the_same_moment_none_misses_the_other(
    post: Engine, open_engine: Callable[[], Engine]
) -> None:
    other = open_engine()
    count = 25

    def publish_all() -> None:
        for number in range(count):
            other.publish("paid", correlation_key=str(number), ttl=HOUR)

    def subscribe_all() -> None:
        for number in range(count):
            post.start("buyer", variables={"order": number})

    threads = [threading.Thread(target=each) for each in (publish_all, subscribe_all)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert post.read.instances(key="buyer", state="completed", limit=count).total == count


def test_two_publishers_of_one_key_start_one_instance(post: Engine, open_engine: Callable[[], Engine]) -> None:
    engines = [post, open_engine()]
    threads = [
        threading.Thread(
            target=lambda engine=engine: [
                engine.publish("order", correlation_key=str(number), ttl=HOUR) for number in range(10)
            ]
        )
        for engine in engines
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(shops(post)) == 10
    assert len(post.read.messages()) == 10


def test_receivers_at_the_same_moment_share_what_waits(post: Engine, open_engine: Callable[[], Engine]) -> None:
    other = open_engine()
    for number in range(20):
        post.publish("paid", correlation_key="7", variables={"number": number}, ttl=HOUR)
    threads = [
        threading.Thread(
            target=lambda engine=engine: [engine.start("buyer", variables={"order": 7}) for _ in range(10)]
        )
        for engine in (post, other)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = [post.read.variables(each.id)["number"] for each in post.read.instances(key="buyer").items]
    assert sorted(numbers) == list(range(20))


def test_correlating_by_the_variables_of_the_process(engine: Engine, models: Path) -> None:
    engine.deploy(models / "messages.bpmn")
    receivers = [
        engine.start("receiver", variables=values).id
        for values in ({"order": "A", "amount": 5}, {"order": "B", "amount": 5.0}, {"order": "B", "amount": True})
    ]

    assert engine.correlate("payment", correlation_keys={"order": "A"}).matched == (receivers[0],)
    assert engine.correlate("payment", correlation_keys={"order": "B", "amount": 5}).matched == (receivers[1],)


def test_what_a_message_said_is_kept_no_longer_than_nobody_has_it(post: Engine) -> None:
    def payloads() -> list[str]:
        with post.store.reading() as connection:
            return list(connection.execute(select(message.c.payload).order_by(message.c.id)).scalars())

    post.publish("paid", correlation_key="7", variables={"amount": "x" * 5000}, ttl=HOUR)
    assert len(payloads()[0]) > 5000
    buyer = post.start("buyer", variables={"order": 7})
    post.start("buyer", variables={"order": 8})
    post.publish("paid", correlation_key="8", variables={"amount": "y" * 5000}, ttl=HOUR, message_id="m")

    assert payloads() == ["{}", "{}"]
    assert post.read.variables(buyer.id)["amount"] == "x" * 5000


BELL = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t"
    xmlns:camunda="http://camunda.org/schema/1.0/bpmn">
  <message id="m" name="rung"/>
  <process id="bell" isExecutable="true" camunda:versionTag="1">
    <startEvent id="S"><messageEventDefinition messageRef="m"/></startEvent><userTask id="T"/><endEvent id="E"/>
    <sequenceFlow id="a" sourceRef="S" targetRef="T"/><sequenceFlow id="b" sourceRef="T" targetRef="E"/>
    <subProcess id="X" triggeredByEvent="true">
      <startEvent id="XS"><timerEventDefinition><timeDuration>WAIT</timeDuration></timerEventDefinition></startEvent>
      <endEvent id="XE"/><sequenceFlow id="c" sourceRef="XS" targetRef="XE"/>
    </subProcess>
  </process></definitions>"""
"""It cannot start where the message brings no duration."""


def bell(wait: str = "${wait}") -> Resource:
    return Resource("bell.bpmn", BELL.replace("WAIT", wait).encode())


def ring(engine: Engine, wait: str, key: str) -> PublicationOutcome:
    return engine.publish("rung", variables={"wait": wait}, correlation_key=key, ttl=HOUR).outcome


@pytest.mark.parametrize("ends", ["completes", "is cancelled"])
def test_a_message_that_cannot_start_its_process_hinders_neither_an_end_nor_those_behind_it(
    engine: Engine, ends: str, caplog: pytest.LogCaptureFixture
) -> None:
    engine.deploy(bell())
    ring(engine, "PT1H", "7")
    assert [ring(engine, each, "7") for each in ("the SECRET", "PT1H")] == [PublicationOutcome.STORED] * 2
    (first,) = engine.read.instances(key="bell").items

    if ends == "completes":
        pack(engine, first.id)
    else:
        engine.cancel(first.id)

    assert engine.read.instance(first.id).ended_at is not None
    assert engine.read.instances(key="bell", state=InstanceState.RUNNING).total == 1
    (left,) = engine.read.messages("rung")[:1]
    assert left.state is MessageState.WAITING
    (line,) = [each for each in caplog.records if each.message == "what came could not start its process"]
    assert vars(line).items() >= {"message_id": left.id, "process_key": "bell", "error": "ActivityFailed"}.items()
    assert "SECRET" not in str([vars(each) for each in caplog.records])


def test_a_new_version_gets_the_messages_that_the_one_before_could_not_be_started_with(engine: Engine) -> None:
    for number, wait in enumerate(["PT1H", "oops", "PT1H"]):
        ring(engine, wait, str(number))
    engine.deploy(bell())
    engine.work()
    assert engine.read.instances(key="bell").total == 2

    engine.deploy(bell("PT2H"))
    engine.work()

    assert engine.read.instances(key="bell").total == 3
    assert [each.state for each in engine.read.messages("rung")] == [MessageState.DELIVERED] * 3


def test_what_an_instance_throws_reaches_the_others_where_one_process_cannot_start(engine: Engine) -> None:
    thrower = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t"
        xmlns:camunda="http://camunda.org/schema/1.0/bpmn">
      <KIND id="k" name="rung"/>
      <process id="thrower" isExecutable="true" camunda:versionTag="1">
        <startEvent id="S"/><intermediateThrowEvent id="R"><KINDEventDefinition KINDRef="k"/></intermediateThrowEvent>
        <endEvent id="E"/><sequenceFlow id="a" sourceRef="S" targetRef="R"/>
        <sequenceFlow id="b" sourceRef="R" targetRef="E"/>
      </process></definitions>"""
    signalled = BELL.replace("<message id", "<signal id").replace("messageEvent", "signalEvent")
    signalled = signalled.replace("messageRef", "signalRef")
    engine.deploy(Resource("bell.bpmn", signalled.replace("WAIT", "${wait}").encode()))
    good = signalled.replace('id="bell"', 'id="good"').replace("WAIT", "PT1H")
    engine.deploy(Resource("good.bpmn", good.encode()))
    engine.deploy(Resource("thrower.bpmn", thrower.replace("KIND", "signal").encode()))

    assert engine.start("thrower").state is InstanceState.COMPLETED
    assert engine.signal("rung") == 1

    assert engine.read.instances(key="good").total == 2
    engine.deploy(bell(), Resource("thrower.bpmn", thrower.replace("KIND", "message").encode()))
    sender = engine.start("thrower")
    assert sender.state is InstanceState.COMPLETED
    assert "message.lost" in actions(engine, sender.id)
