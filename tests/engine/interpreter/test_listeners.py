"""Listeners are told what happens, in order, and what they listen to waits for them."""

import pytest
from story import Story, program

from engine import commands, events
from engine.errors import Conflict

START = '<startEvent id="S"/>'


def execution(event, name):
    return f'<camunda:executionListener event="{event}" delegateExpression="${{{name}}}"/>'


def script(event, text):
    inside = f'<camunda:script scriptFormat="python">{text}</camunda:script>'
    return f'<camunda:executionListener event="{event}">{inside}</camunda:executionListener>'


def of_task(event, name):
    return f'<camunda:taskListener event="{event}" delegateExpression="${{{name}}}"/>'


def zeebe(kind, *listeners):
    told = "".join(f'<zeebe:{kind}Listener eventType="{event}" type="{name}"/>' for event, name in listeners)
    return f"<zeebe:{kind}Listeners>{told}</zeebe:{kind}Listeners>"


def extended(tag, element_id, *extensions, inside="", attributes=""):
    extension = f"<extensionElements>{''.join(extensions)}</extensionElements>"
    return f'<{tag} id="{element_id}" {attributes}>{extension}{inside}</{tag}>'


class Heard(Story):
    """A story whose listeners' jobs are done one by one."""

    @property
    def jobs(self):
        """The open jobs as (event, type), oldest first."""
        return [(job.headers.get("listener.event", ""), job.names[0]) for job in self.open_jobs()]

    def open_jobs(self):
        return [job for job in self.of(events.JobCreated) if job.activity_id not in self.settled]

    @property
    def settled(self):
        return getattr(self, "_settled", set()) | {event.activity_id for event in self.of(events.JobStopped)}

    def settle(self, **variables):
        """The oldest open job is done."""
        job = self.open_jobs()[0]
        self._settled = self.settled | {job.activity_id}
        self.do(commands.CompleteActivity, activity_id=job.activity_id, variables=variables)


def test_start_and_end_listeners_are_told_around_the_work_one_after_the_other():
    listeners = (execution("end", "c"), execution("start", "a"), execution("start", "b"), execution("end", "d"))
    story = Heard(program(START + extended("serviceTask", "T", *listeners, attributes='camunda:topic="work"'), "S T"))
    told = []
    while story.jobs:
        assert len(story.jobs) == 1
        told += story.jobs
        story.settle()

    assert told == [("start", "a"), ("start", "b"), ("", "work"), ("end", "c"), ("end", "d")]
    assert len({job.activity_id for job in story.of(events.JobCreated)}) == 5
    assert (story.path, story.outcome) == (["S", "T"], "completed")


def test_a_script_listener_runs_at_once_and_its_variables_are_seen_by_the_work_and_the_outputs():
    mapping = (
        '<camunda:inputOutput><camunda:outputParameter name="out">${b}</camunda:outputParameter></camunda:inputOutput>'
    )
    task = extended("manualTask", "T", script("start", "a = 1"), script("end", "b = a + 1"), mapping)

    assert Story(program(START + task, "S T")).variables == {"a": 1, "b": 2, "out": 2}


def test_a_script_listener_that_fails_is_an_incident_and_taken_up_where_it_failed():
    task = extended("manualTask", "T", script("start", "n = n + 1"), script("start", "m = missing + n"))
    story = Story(program(START + task, "S T"), n=0)
    (incident,) = story.incidents
    story.do(commands.SetVariables, variables={"missing": 5})
    story.do(commands.RetryActivity, activity_id=incident.activity_id)

    assert story.variables == {"n": 1, "m": 6, "missing": 5}
    assert story.outcome == "completed"


def test_a_listener_sees_what_is_local_to_the_activity():
    mapping = '<camunda:inputOutput><camunda:inputParameter name="x">3</camunda:inputParameter></camunda:inputOutput>'
    story = Heard(program(START + extended("manualTask", "T", mapping, execution("start", "a")), "S T"))
    (job,) = story.open_jobs()

    assert len(job.scopes) == 2
    story.settle(x=4, y=5)
    assert story.variables == {"y": 5}


def test_a_flow_is_taken_when_its_listeners_are_done():
    flow = extended("sequenceFlow", "f", execution("take", "a"), attributes='sourceRef="S" targetRef="T"')
    story = Heard(program(START + '<task id="T"/>' + flow))

    assert (story.jobs, story.path) == ([("take", "a")], ["S"])
    story.settle()
    assert (story.path, story.outcome) == (["S", "T"], "completed")


def test_an_inclusive_join_waits_for_a_token_whose_flow_is_listened_to():
    flow = extended("sequenceFlow", "f", execution("take", "a"), attributes='sourceRef="A" targetRef="J"')
    body = (
        START + '<parallelGateway id="F"/><task id="A"/><task id="B"/><inclusiveGateway id="J"/><task id="E"/>' + flow
    )
    story = Heard(program(body, "S F A", "F B J", "J E"))

    assert "J" not in story.path
    story.settle()
    assert story.path.count("E") == 1
    assert story.outcome == "completed"


def test_the_process_begins_and_ends_with_its_own_listeners():
    body = f"<extensionElements>{execution('start', 'a')}{execution('end', 'b')}</extensionElements>" + START
    story = Heard(program(body))

    assert (story.path, story.jobs) == ([], [("start", "a")])
    story.settle()
    assert (story.path, story.jobs, story.outcome) == (["S"], [("end", "b")], None)
    story.settle()
    assert story.outcome == "completed"


def test_a_task_is_there_when_the_listeners_to_its_creation_are_done_and_closed_before_those_to_its_end():
    listeners = (of_task("complete", "c"), of_task("create", "a"), of_task("assignment", "b"), execution("end", "d"))
    story = Heard(program(START + extended("userTask", "T", *listeners, attributes='camunda:assignee="ann"'), "S T"))
    told = []
    for _ in range(2):
        assert not story.of(events.UserTaskCreated)
        told += story.jobs
        story.settle()
    assert len(story.of(events.UserTaskCreated)) == 1
    story.complete("T", done=True)

    assert [closed.outcome for closed in story.of(events.UserTaskClosed)] == ["completed"]
    with pytest.raises(Conflict):
        story.complete("T")
    while story.jobs:
        told += story.jobs
        story.settle()
    assert told == [("create", "a"), ("assignment", "b"), ("complete", "c"), ("end", "d")]
    assert (story.variables, story.outcome) == ({"done": True}, "completed")


def test_who_reassigns_a_task_tells_its_listeners_and_its_end_comes_after_them():
    listeners = (of_task("assignment", "a"), of_task("update", "b"), of_task("complete", "c"))
    story = Heard(program(START + extended("userTask", "T", *listeners), "S T"))
    task_id = story.waiting_ids("T")[0]
    story.do(commands.ReassignTask, activity_id=task_id)
    story.do(commands.ReassignTask, activity_id=task_id)
    story.complete("T")
    told = []
    while story.jobs:
        assert len(story.jobs) == 1
        told += [name for _, name in story.jobs]
        story.settle()

    assert told == ["b", "a", "b", "a", "c"]
    assert story.outcome == "completed"


def test_an_interrupted_task_tells_in_the_scope_around_it_that_it_is_gone():
    boundary = '<boundaryEvent id="B" attachedToRef="T"><timerEventDefinition><timeDuration>PT1H</timeDuration>'
    boundary += '</timerEventDefinition></boundaryEvent><task id="A"/>'
    listeners = (of_task("delete", "a"), execution("end", "b"))
    story = Heard(program(START + extended("userTask", "T", *listeners) + boundary, "S T", "B A"))
    story.advance(hours=2)

    assert (story.jobs, story.path) == ([("delete", "a")], ["S", "T", "B", "A"])
    story.settle()
    assert (story.jobs, story.outcome) == ([("end", "b")], None)
    story.settle()
    assert story.outcome == "completed"


def test_a_job_of_a_listener_stops_with_the_activity_that_is_interrupted():
    boundary = '<boundaryEvent id="B" attachedToRef="T"><timerEventDefinition><timeDuration>PT1H</timeDuration>'
    boundary += "</timerEventDefinition></boundaryEvent>"
    story = Heard(program(START + extended("task", "T", execution("start", "a")) + boundary, "S T"))
    (job,) = story.open_jobs()
    story.advance(hours=2)

    assert [stopped.activity_id for stopped in story.of(events.JobStopped)] == [job.activity_id]
    assert story.outcome == "completed"


def test_an_error_out_of_a_listener_is_caught_at_its_activity():
    boundary = '<boundaryEvent id="B" attachedToRef="T"><errorEventDefinition/></boundaryEvent>'
    story = Heard(program(START + extended("task", "T", execution("start", "a")) + boundary, "S T"))
    (job,) = story.open_jobs()
    story.do(commands.ThrowError, activity_id=job.activity_id, code="BAD")

    assert (story.path, story.outcome) == (["S", "T", "B"], "completed")


def test_what_ends_its_work_is_not_interrupted_while_listeners_are_told():
    boundary = '<boundaryEvent id="B" attachedToRef="T"><timerEventDefinition><timeDuration>PT1H</timeDuration>'
    boundary += "</timerEventDefinition></boundaryEvent>"
    story = Heard(program(START + extended("userTask", "T", execution("end", "a")) + boundary, "S T"))
    story.complete("T")
    story.advance(hours=2)

    assert story.jobs == [("end", "a")]
    story.settle()
    assert (story.path, story.outcome) == (["S", "T"], "completed")


def test_each_instance_of_a_multi_instance_tells_its_own_listeners():
    loop = "<multiInstanceLoopCharacteristics><loopCardinality>2</loopCardinality></multiInstanceLoopCharacteristics>"
    story = Heard(program(START + extended("task", "T", execution("start", "a"), inside=loop), "S T"))

    assert story.jobs == [("start", "a")] * 2
    story.settle()
    assert story.outcome is None
    story.settle()
    assert story.outcome == "completed"


def test_camunda_8_keeps_what_a_start_listener_returns_and_tells_the_end_after_the_outputs():
    mapping = '<zeebe:ioMapping><zeebe:output source="=local" target="out"/></zeebe:ioMapping>'
    listeners = zeebe("execution", ("start", "a"), ("end", "b"))
    story = Heard(program(START + extended("manualTask", "T", mapping, listeners), "S T"))
    story.settle(local=1)

    assert story.variables == {"out": 1}
    assert story.jobs == [("end", "b")]
    story.settle(late=2)
    assert (story.variables, story.outcome) == ({"out": 1, "late": 2}, "completed")


def test_the_event_of_a_camunda_8_task_listener_is_told_as_it_is_written():
    listeners = zeebe("task", ("creating", "a"), ("completing", "b"))
    story = Heard(program(START + extended("userTask", "T", "<zeebe:userTask/>", listeners), "S T"))

    assert story.jobs == [("creating", "a")]
    story.settle()
    story.complete("T")
    assert story.jobs == [("completing", "b")]
