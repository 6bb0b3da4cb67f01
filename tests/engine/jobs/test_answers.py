"""What a diagram makes of what comes of a job: results, errors and failures, as Camunda 7 and 8 write it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest

from engine import RetryLater
from engine.clock import VirtualClock
from engine.engine import Engine
from engine.model import Job, Resource
from tests.engine.jobs.waiting import until

DIAGRAM = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t"
    xmlns:camunda="http://camunda.org/schema/1.0/bpmn" xmlns:zeebe="http://camunda.org/schema/zeebe/1.0">
  <error id="Err" errorCode="refused"/>
  <process id="p" isExecutable="true">
    <startEvent id="S"/>{task}<endEvent id="E"/><endEvent id="Refused"/>
    <boundaryEvent id="Caught" attachedToRef="T"><errorEventDefinition errorRef="Err"/></boundaryEvent>
    <sequenceFlow id="a" sourceRef="S" targetRef="T"/><sequenceFlow id="b" sourceRef="T" targetRef="E"/>
    <sequenceFlow id="c" sourceRef="Caught" targetRef="Refused"/>
  </process>
</definitions>"""


def connector(**headers: str) -> str:
    written = "".join(f"<zeebe:header key={quoteattr(key)} value={quoteattr(text)}/>" for key, text in headers.items())
    return (
        '<serviceTask id="T"><extensionElements><zeebe:taskDefinition type="charge" retries="2"/>'
        f"<zeebe:taskHeaders>{written}</zeebe:taskHeaders></extensionElements></serviceTask>"
    )


def external(*conditions: str) -> str:
    written = "".join(
        f'<camunda:errorEventDefinition errorRef="Err" expression={quoteattr(text)}/>' for text in conditions
    )
    return (
        '<serviceTask id="T" camunda:type="external" camunda:topic="charge"><extensionElements>'
        f"{written}</extensionElements></serviceTask>"
    )


def start(engine: Engine, task: str) -> str:
    engine.deploy(Resource("p.bpmn", DIAGRAM.format(task=task).encode()))
    return engine.start("p", variables={"amount": 5}).id


def ended_at(engine: Engine, instance_id: str) -> str:
    return engine.read.history(instance_id).activities[-1].element_id


def answering(engine: Engine, answer: Any) -> None:
    def charge(job: Job) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    engine.handler("charge")(charge)


RESPONSE = {"status": 200, "body": {"receipt": "R-1", "rest": [1, 2]}}


def test_a_result_expression_makes_variables_of_the_response_and_nothing_else(engine: Engine) -> None:
    answering(engine, RESPONSE)

    instance_id = start(engine, connector(resultExpression="={receipt: response.body.receipt, ok: status = 200}"))
    engine.work()

    assert engine.read.variables(instance_id) == {"amount": 5, "receipt": "R-1", "ok": True}


def test_a_result_variable_beside_it_takes_the_whole_response(engine: Engine) -> None:
    answering(engine, RESPONSE)

    instance_id = start(engine, connector(resultVariable="answer", resultExpression="={n: count(body.rest)}"))
    engine.work()

    assert engine.read.variables(instance_id) == {"amount": 5, "answer": RESPONSE, "n": 2}


def test_a_result_expression_without_a_context_is_an_incident(engine: Engine) -> None:
    answering(engine, RESPONSE)

    instance_id = start(engine, connector(resultExpression="=response.status"))
    engine.work()

    (incident,) = engine.read.incidents(instance_id)
    assert "gives a context" in incident.message


def test_an_error_expression_turns_a_response_into_a_bpmn_error(engine: Engine) -> None:
    answering(engine, {"status": 402})
    error = '=if response.status = 402 then bpmnError("refused", "No money", {owed: 3}) else null'

    instance_id = start(engine, connector(errorExpression=error))
    engine.work()

    assert ended_at(engine, instance_id) == "Refused"


def test_an_error_expression_looks_at_failures_too(engine: Engine) -> None:
    answering(engine, ValueError("no such card"))
    error = '=if contains(error.message, "no such card") then bpmnError("refused", error.message) else null'

    instance_id = start(engine, connector(errorExpression=error))
    engine.work()

    assert ended_at(engine, instance_id) == "Refused"


def test_a_job_error_says_how_often_and_when_to_try_again(engine: Engine, clock: VirtualClock) -> None:
    answering(engine, {"status": 503})
    error = '=jobError("Busy", {}, job.retries, duration("PT1M"))'

    instance_id = start(engine, connector(errorExpression=error))
    engine.work()

    assert engine.next_due() == clock.now() + timedelta(minutes=1)
    clock.advance(timedelta(minutes=1))
    engine.work()
    assert [each.message for each in engine.read.incidents(instance_id)] == ["Busy"]


@pytest.mark.parametrize("is_coroutine", [False, True], ids=["thread", "coroutine"])
def test_a_job_error_whose_retries_are_no_number_is_an_incident(engine: Engine, *, is_coroutine: bool) -> None:
    async def charge(job: Job) -> dict[str, Any]:
        return RESPONSE

    engine.handler("charge")(charge if is_coroutine else lambda job: RESPONSE)
    start(engine, connector(errorExpression='={errorType: "jobError", message: "m", retries: "x"}'))
    engine.start_workers(1)
    until(lambda: engine.read.open_incidents().items)
    engine.stop_workers()
    incidents = engine.read.open_incidents().items
    assert [(each.kind, "and not 'x'" in each.message) for each in incidents] == [("expression", True)]


def test_an_ignored_error_lets_the_process_go_on(engine: Engine) -> None:
    answering(engine, ValueError("down"))

    instance_id = start(engine, connector(errorExpression="=ignoreError({skipped: true})"))
    engine.work()

    assert ended_at(engine, instance_id) == "E"
    assert engine.read.variables(instance_id)["skipped"] is True


def test_a_retry_backoff_is_the_time_between_attempts(engine: Engine, clock: VirtualClock) -> None:
    answering(engine, ValueError("down"))

    start(engine, connector(retryBackoff="PT7M"))
    engine.work()

    assert engine.next_due() == clock.now() + timedelta(minutes=7)


def test_an_attempt_lasts_no_longer_than_its_timeout(engine: Engine) -> None:
    from threading import Event

    never = Event()
    engine.handler("charge")(lambda job: never.wait())

    start(engine, connector(jobTimeout="PT0.05S"))
    engine.work(limit=1)
    never.set()

    (job,) = engine.read.jobs()
    assert "took longer than" in (job.error or "")


def test_a_failed_external_task_is_a_bpmn_error_where_its_condition_holds(engine: Engine) -> None:
    engine.register_external("charge")
    instance_id = start(engine, external("${amount > 100}", "${externalTask.errorMessage == 'No money'}"))
    (job,) = engine.read.jobs()

    engine.fail_job(job.id, "No money", retries=3)

    assert ended_at(engine, instance_id) == "Refused"


def test_a_completed_external_task_is_looked_at_with_what_it_brings(engine: Engine) -> None:
    engine.register_external("charge")
    instance_id = start(engine, external("${paid == false}"))
    (job,) = engine.read.jobs()

    engine.complete_job(job.id, {"paid": False})

    assert ended_at(engine, instance_id) == "Refused"


@pytest.mark.parametrize(
    ("error", "expected"), [(RetryLater(timedelta(hours=1), "later"), "T"), (ValueError("x"), "Refused")]
)
def test_a_handler_here_is_looked_at_like_a_worker_elsewhere(engine: Engine, error: Exception, expected: str) -> None:
    answering(engine, error)

    instance_id = start(engine, external("${externalTask.errorMessage.contains('ValueError')}"))
    engine.work(limit=1)

    assert ended_at(engine, instance_id) == expected
