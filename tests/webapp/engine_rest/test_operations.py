import pytest

from engine.model import Resource

TIDY = """<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:camunda="http://camunda.org/schema/1.0/bpmn"
             id="tidy-definitions" targetNamespace="http://example.com/tidy">
  <process id="tidy" isExecutable="true" camunda:historyTimeToLive="P30D">
    <startEvent id="Start" />
    <serviceTask id="Sweep" camunda:delegateExpression="${sweeper}" />
    <intermediateCatchEvent id="Dried">
      <timerEventDefinition><timeDuration>PT1H</timeDuration></timerEventDefinition>
    </intermediateCatchEvent>
    <endEvent id="End" />
    <sequenceFlow id="f1" sourceRef="Start" targetRef="Sweep" />
    <sequenceFlow id="f2" sourceRef="Sweep" targetRef="Dried" />
    <sequenceFlow id="f3" sourceRef="Dried" targetRef="End" />
  </process>
</definitions>"""


@pytest.fixture
def job(the_engine):
    the_engine.deploy(Resource("tidy.bpmn", TIDY.encode()))
    [job] = the_engine.read.jobs(the_engine.start("tidy").id)
    return job


def test_a_job_out_of_attempts_is_an_incident_and_gets_new_ones(the_engine, job, admin_api):
    the_engine.fail_job(job.id, "no broom", retries=0)

    [told] = admin_api.get("/job", processInstanceId=job.instance_id, noRetriesLeft="true", withException="true")
    assert (told["id"], told["retries"], told["exceptionMessage"]) == (job.id, 0, "no broom")
    [incident] = admin_api.get("/incident", processDefinitionId="tidy:1", configuration=job.id)
    assert (incident["incidentMessage"], incident["activityId"]) == ("no broom", "Sweep")
    assert admin_api.get(f"/incident/{incident['id']}") == incident
    assert admin_api.get(f"/job/{job.id}") == told
    assert admin_api.get("/external-task/count") == {"count": 0}

    admin_api.put(f"/job/{job.id}/retries", {"retries": 2})

    assert admin_api.status == 204
    assert admin_api.get(f"/job/{job.id}")["retries"] == 2
    assert admin_api.get("/incident/count") == {"count": 0}


def test_a_start_timer_that_gave_up_is_an_incident_without_an_instance(stuck, admin_api):
    [incident] = admin_api.get("/incident", processDefinitionKeyIn="tick", incidentType="failedJob")

    assert (incident["processInstanceId"], incident["executionId"]) == (None, None)
    assert (incident["incidentType"], incident["processDefinitionId"]) == ("failedJob", "tick:1")
    assert (incident["activityId"], incident["failedActivityId"]) == ("S", "S")
    assert admin_api.get(f"/incident/{incident['id']}") == incident
    assert admin_api.get("/incident/count", configuration=incident["configuration"]) == {"count": 1}
    assert admin_api.get(f"/job/{incident['configuration']}")["retries"] == 0
    admin_api.get(f"/job/{incident['configuration']}/stacktrace")
    assert (admin_api.status, admin_api.answer.text) == (200, incident["incidentMessage"])

    admin_api.put(f"/job/{incident['configuration']}/retries", {"retries": 2})

    assert admin_api.status == 204
    assert admin_api.get("/incident/count") == {"count": 0}


def test_timers_are_jobs_with_a_due_date(the_engine, job, admin_api):
    the_engine.complete_job(job.id)

    [timer] = admin_api.get("/job", timers="true", sortBy="jobDueDate", sortOrder="asc")

    assert timer["dueDate"] == "2026-03-02T13:00:00.000+0000"
    assert admin_api.get("/job/count", messages="true") == {"count": 0}


def test_attempts_are_given_by_operators_and_to_jobs_only(job, api, admin_api):
    ben = api("ben")

    ben.put(f"/job/{job.id}/retries", {"retries": 2})
    assert ben.status == 403
    admin_api.put(f"/job/{job.id}/retries", {"retries": 0})
    assert admin_api.status == 400
    admin_api.put("/job/nothing/retries", {"retries": 2})
    assert admin_api.status == 404
