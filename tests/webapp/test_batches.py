"""The pages of batches: what was done to many instances, how far it is, and starting one from their list."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest

from engine import Resource
from engine.batch import ModifyAll, RetryAll, SetVariablesOfAll, SuspendAll
from engine.jobs.presence import Presence
from engine.modification import Move

LINE = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t">
  <process id="line" name="Line" isExecutable="true">
    <startEvent id="S"/><userTask id="Pick"/><userTask id="Ship"/><endEvent id="E"/>
    <sequenceFlow id="a" sourceRef="S" targetRef="Pick"/><sequenceFlow id="b" sourceRef="Pick" targetRef="Ship"/>
    <sequenceFlow id="c" sourceRef="Ship" targetRef="E"/>
  </process></definitions>"""


@pytest.fixture
def line(the_engine):
    the_engine.deploy(Resource("line.bpmn", LINE.encode()))
    return the_engine


@pytest.fixture
def four(line):
    return [line.start("line", business_key=f"L-{number}").id for number in range(1, 5)]


@pytest.fixture
def stuck_two(the_engine):
    """Two instances whose work has given up."""
    the_engine.deploy(Resource("pay.bpmn", LINE.replace("line", "pay").replace('<userTask id="Pick"/>', PAY).encode()))
    for number in (1, 2):
        the_engine.start("pay", business_key=f"P-{number}")
    for job in the_engine.read.jobs(state="available"):
        the_engine.fail_job(job.id, "no line", retries=0)
    return the_engine


PAY = (
    '<serviceTask id="Pick" xmlns:camunda="http://camunda.org/schema/1.0/bpmn" camunda:type="external"'
    ' camunda:topic="pay"/>'
)


def states(engine):
    return sorted(str(each.state) for each in engine.read.instances().items)


def send(visitor, button=None, **typed):
    """Sends the form of the page as it was shown, with what is typed into it."""
    form = re.search(r'<form class="form".*?</form>', visitor.html, re.DOTALL)[0]
    address = unescape(re.search(r'action="([^"]+)"', form)[1])
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
    fields = {}
    for name, value in hidden:
        fields.setdefault(name, []).append(unescape(value))
    selected = re.findall(r'<select id="[^"]+" name="([^"]+)".*?<option value="([^"]*)" selected', form, re.DOTALL)
    return visitor.post(address, **fields | dict(selected) | typed | ({button: "yes"} if button else {}))


# those that there are


def test_the_list_tells_what_why_who_how_far_and_can_be_narrowed_down(line, four, operator):
    line.batch(SuspendAll(), four, reason="recall 17", by="olga")
    line.work()
    line.batch(ModifyAll((Move("Pick", "Ship"),)), [*four[:1], "nobody"], by="ann")
    line.work()

    operator.get("/batches/")

    first, second = operator.text.split("Move tokens", 2)[2].split("recall 17")
    assert "Completed 2 of 2, 1 failed ann just now just now Suspend" in first
    assert "Completed 4 of 4 olga just now just now" in second
    assert 'aria-valuemax="4" aria-valuenow="4" aria-valuetext="4 of 4"' in operator.html
    assert "1–1 of 1" in operator.get("/batches/?kind=suspend&state=completed").text
    assert "No batch fits" in operator.get("/batches/?state=paused").text
    assert "1–2 of 2" in operator.get("/batches/?kind=nonsense&state=%00&page=x").text


def test_without_any_it_says_how_to_start_one(line, operator):
    assert "No batch yet Tick instances in their list" in operator.get("/batches/").text


def test_a_batch_tells_what_it_does_to_what_and_what_came_of_each(line, four, operator):
    batch = line.batch(SetVariablesOfAll({"price": 12}), [*four, "no<b>ody"], reason="new prices", by="olga")
    line.work()

    operator.get(f"/batches/{batch.id}")

    assert "Set variables Completed 1 failed" in operator.text
    assert "by olga" in operator.text
    assert "Reason new prices For 5 given by their ids" in operator.text
    assert "What it does price 12" in operator.text
    assert "All 5 Done 4 Failed 1" in operator.text
    assert "L-1 Line, version 1 Done" in operator.text
    operator.get(f"/batches/{batch.id}?state=failed")
    assert "L-1" not in operator.text
    assert "no<b>ody Failed There is no process instance 'no<b>ody'." in operator.text


def test_many_items_come_in_pages_and_keep_their_choice(line, operator):
    ids = [line.start("line", business_key=f"L-{number:03}").id for number in range(60)]
    batch = line.batch(SuspendAll(), ids)

    assert "1–50 of 60" in operator.get(f"/batches/{batch.id}?state=waiting").text
    assert "state=waiting&amp;page=2" in operator.html
    operator.get(f"/batches/{batch.id}?state=waiting&page=2")
    assert "51–60 of 60" in operator.text
    assert "L-059" in operator.text


def test_a_waiting_browser_is_told_how_far_it_is(line, four, operator):
    batch = line.batch(SuspendAll(), four)
    live = f"/batches/{batch.id}/live"
    first, listed = operator.get(live).answer.json, operator.get("/batches/live").answer.json
    assert operator.get(f"{live}?seen={first['stamp']}").status == 204
    assert operator.get(f"/batches/live?seen={listed['stamp']}").status == 204

    line.work()

    news = operator.get(f"{live}?seen={first['stamp']}").answer.json
    assert news["is_final"]
    assert "4 of 4" in news["fragments"]["progress"]
    assert "Completed" in news["fragments"]["heading"]
    assert "Done" in news["fragments"]["items"]
    again = operator.get(f"/batches/live?seen={listed['stamp']}").answer.json
    assert "4 of 4" in again["fragments"]["batches"]


def test_of_a_retry_it_follows_what_becomes_of_the_incidents(stuck_two, clock, operator):
    batch = stuck_two.batch(RetryAll(1), [each.id for each in stuck_two.read.open_incidents().items])
    stuck_two.work()
    first = operator.get(f"/batches/{batch.id}/live").answer.json
    assert not first["is_final"]
    assert "2 under way" in first["fragments"]["progress"]

    for job in stuck_two.read.jobs(state="available"):
        stuck_two.fail_job(job.id, "still no line", retries=0)
    clock.advance(timedelta(seconds=10))

    news = operator.get(f"/batches/{batch.id}/live?seen={first['stamp']}").answer.json
    assert news["is_final"]
    assert "2 failed again" in news["fragments"]["progress"]
    assert "still no line" in news["fragments"]["progress"]


def test_it_says_so_when_no_worker_is_there_to_do_it(line, four, clock, operator):
    batch = line.batch(SuspendAll(), four)
    assert "No worker pool is alive: the batch waits." in operator.get(f"/batches/{batch.id}").text

    Presence(line.store, "box-1:7:ab", clock).beat(2)

    assert "No worker pool is alive" not in operator.get(f"/batches/{batch.id}").text


def test_one_that_never_was_is_not_found(line, operator):
    for path in ("", "/live", "/pause", "/cancel"):
        assert operator.get(f"/batches/none{path}").status == 404


# steering one


def test_it_is_paused_resumed_and_cancelled_after_being_asked_and_says_by_whom_and_why(line, four, operator):
    batch = line.batch(SuspendAll(), four)
    operator.get(f"/batches/{batch.id}")
    assert "Pause Cancel batch" in operator.text

    send(operator.get(f"/batches/{batch.id}/pause"), reason="too much load")
    assert operator.path == f"/batches/{batch.id}"
    assert "Resume Cancel batch" in operator.text
    assert "Paused by olga too much load" in operator.text
    line.work()
    send(operator.get(f"/batches/{batch.id}/resume"))
    assert "The batch goes on." in operator.text
    assert "say why the batch is cancelled" in send(operator.get(f"/batches/{batch.id}/cancel")).text.casefold()
    assert operator.status == 422
    send(operator.get(f"/batches/{batch.id}/cancel"), reason="wrong order")

    assert "Progress 4 of 4, 4 left out" in operator.text
    assert [change.reason for change in line.batches.changes(batch.id)] == ["too much load", "", "wrong order"]
    assert operator.post(f"/batches/{batch.id}/pause", reason="late").status == 409
    assert states(line) == ["running"] * 4


# starting one


def test_ticked_instances_are_shown_first_and_then_done_with_a_reason(line, four, operator):
    line.cancel(four[1])
    operator.get("/instances/?process=line")
    assert f'name="id" value="{four[0]}" aria-label="Tick L-1"' in operator.html

    operator.get(f"/batches/new?process=line&kind=suspend&of=ticked&id={four[0]}&id={four[1]}")
    assert "Suspend 1 instance?" in operator.text
    assert "2 instances are ticked. 1 instance is left out: they do not run. L-1" in operator.text
    assert send(operator).status == 422
    assert "Say why" in operator.text
    assert line.batches.list() == []

    send(operator, reason="stock-taking")
    assert operator.path.startswith("/batches/")
    line.work()
    assert line.read.instance(four[0]).state == "suspended"
    [batch] = line.batches.list()
    assert f'href="/batches/{batch.id}"' in operator.get(f"/instances/{four[0]}?view=log").html
    assert (batch.actor, batch.reason, batch.total) == ("olga", "stock-taking", 1)


def test_all_that_the_list_finds_are_taken_but_none_that_began_later(line, four, clock, operator):
    line.start("line", business_key="other")
    operator.get("/batches/new?process=line&state=running&text=l-&kind=cancel&of=found")
    assert "Cancel 4 instances?" in operator.text
    clock.advance(timedelta(seconds=1))
    line.start("line", business_key="L-99")

    send(operator, reason="recall")
    line.work()

    assert states(line) == ["cancelled"] * 4 + ["running"] * 2


def test_what_has_grown_since_it_was_shown_is_shown_again_first(line, four, operator):
    line.suspend(four[0])
    operator.get("/batches/new?process=line&state=running&kind=suspend&of=found")
    line.activate(four[0])

    send(operator, reason="stock-taking")

    assert operator.status == 422
    assert "There are more by now than you have seen." in operator.text
    assert "Suspend 4 instances?" in operator.text
    assert "stock-taking" in operator.html
    assert "The batch has started." in send(operator, reason="stock-taking").text


def test_incidents_of_found_and_of_ticked_instances_are_tried_again(stuck_two, operator):
    first, _ = (each.instance_id for each in stuck_two.read.open_incidents().items)
    operator.get("/batches/new?process=pay&kind=retry&of=found")
    assert "Retry 2 incidents?" in operator.text
    assert "P-1 Pick: no line" in operator.text
    operator.get(f"/batches/new?kind=retry&of=ticked&id={first}")
    assert "Retry 1 incident?" in operator.text

    assert send(operator, reason="line is back", retries="none").status == 422
    assert "Must be a whole number" in operator.text
    send(operator, reason="line is back", retries="7")
    stuck_two.work()

    [open_one] = stuck_two.read.open_incidents().items
    assert open_one.instance_id != first
    assert stuck_two.read.jobs(instance_id=first)[0].retries_left == 7


def test_variables_are_set_in_all_of_them(line, four, operator):
    operator.get("/batches/new?process=line&kind=set-variables&of=found")
    assert send(operator, reason="x").status == 422
    assert "No variables are given to set." in operator.text

    row = {"name.0": "price", "type.0": "number", "value.0": "12"}
    assert "price" in send(operator, "more_rows", **row).html
    send(operator, reason="new prices", **row)
    line.work()

    assert {line.read.variables(each)["price"] for each in four} == {12}


def test_instances_are_migrated_by_a_plan_that_is_checked_first(line, four, operator):
    line.deploy(Resource("line.bpmn", LINE.replace('"Pick"', '"Collect"').encode()))
    operator.get("/batches/new?process=line&kind=migrate&of=found")
    assert "Migrate 4 instances?" in operator.text
    assert "Without counterpart: Pick" in operator.text
    assert operator.text.count("Pick: activity 2 stands there, and no element is said to take its place.") == 4

    send(operator, "check", mapping="Pick Collect")
    assert "Line 1 is not 'old = new'" in operator.text
    send(operator, "check", mapping="Pick = Nothing")
    assert "The plan cannot be done." in operator.text
    assert ">Migrate 4 instances<" not in operator.html
    send(operator, "check", mapping="Pick = Collect")
    assert "Without counterpart" not in operator.text
    send(operator, mapping="Pick = Collect", reason="new form")
    line.work()

    assert {line.read.instance(each).version for each in four} == {2}
    assert "from version 1 to version 2 mapping" in operator.get(operator.path).text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("kind=suspend&of=ticked", "Tick at least one instance."),
        ("kind=explode&of=found", "Choose what is to be done"),
        ("kind=migrate&of=found", "Find the instances of one process first"),
        ("kind=migrate&of=found&process=line", "version"),
        ("kind=migrate&of=ticked&id=nobody", "no process instance 'nobody'"),
    ],
)
def test_what_cannot_be_asked_for_leads_back_to_the_list_and_says_why(line, four, operator, query, said):
    operator.get(f"/batches/new?{query}&text=l-")

    assert operator.path == "/instances/"
    assert said in operator.text
    assert 'value="l-"' in operator.html


def test_where_nothing_is_to_be_done_there_is_nothing_to_press(line, four, operator):
    operator.get("/batches/new?kind=activate&of=found&process=line&until=nonsense")

    assert "Nothing is there to do" in operator.text
    assert "4 instances are left out: they are not suspended" in operator.text
    assert 'type="submit">Activate' not in operator.html
    assert send(operator, reason="x").status == 422


def test_they_are_for_operators_and_administrators(line, four, ann, operator, admin, stranger):
    batch = line.batch(SuspendAll(), four)
    addresses = ["/batches/", "/batches/live", "/batches/new?kind=cancel&of=found"]
    addresses += [f"/batches/{batch.id}{path}" for path in ("", "/live", "/pause", "/cancel")]

    for address in addresses:
        assert operator.get(address).status == 200, address
        assert ann.get(address).status == 403, address
    assert ann.post("/batches/new", kind="cancel", of="found", reason="x", seen="9").status == 403
    assert ann.post(f"/batches/{batch.id}/cancel", reason="x").status == 403
    assert operator.post("/batches/new", kind="cancel", seen="9", reason="x", csrf_token="forged").status == 400
    assert stranger.get("/batches/").path == "/log-in"
    assert 'href="/batches/"' in admin.get("/").html
    assert 'href="/batches/"' not in ann.get("/").html
    assert 'name="of"' not in ann.get("/instances/").html
    assert len(line.batches.list()) == 1
