"""Same state and same command, same events; and the seams of SpiffWorkflow that all this stands on."""

import inspect
from importlib.metadata import version

from SpiffWorkflow.bpmn.specs.bpmn_task_spec import BpmnTaskSpec
from SpiffWorkflow.task import Task
from SpiffWorkflow.workflow import Workflow
from story import Story, program

from engine import events

BODY = (
    '<startEvent id="S"/><parallelGateway id="F"/><userTask id="A"/><userTask id="B"/><parallelGateway id="J"/>'
    '<scriptTask id="N" scriptFormat="python"><script>total = a + b</script></scriptTask><endEvent id="E"/>'
)
PATHS = ("S F A J N E", "F B J")


def told(saves: bool) -> Story:
    story = Story(program(BODY, *PATHS), saves=saves)
    story.complete("A", a=1)
    story.complete("B", b=2)
    return story


def test_two_runs_of_the_same_commands_give_the_same_events():
    assert told(saves=False).log == told(saves=False).log


def test_saving_and_loading_between_commands_changes_nothing():
    assert told(saves=True).log == told(saves=False).log


def test_a_variable_change_tells_what_was_before_and_after():
    story = Story(program('<startEvent id="S"/><userTask id="U"/><userTask id="V"/>', "S U V"), n=1)
    story.complete("U", n=True)

    change = story.of(events.VariableChanged)[-1]
    assert (change.name, change.before, change.after) == ("n", 1, True)


def test_the_seams_of_spiffworkflow_are_as_they_were_measured():
    assert version("SpiffWorkflow") == "3.2.0", "read the seams below again before moving the pin"
    assert "self.task_spec._run(self)" in inspect.getsource(Task.run)
    assert "self._set_state(TaskState.STARTED)" in inspect.getsource(Task.run)
    assert "self.task_spec._on_complete(self)" in inspect.getsource(Task.complete)
    assert list(inspect.signature(BpmnTaskSpec.__init__).parameters)[:5] == [
        "self",
        "wf_spec",
        "name",
        "lane",
        "documentation",
    ]
    assert "if not deserializing" in inspect.getsource(Workflow.__init__)
    own = {"id", "workflow", "_parent", "_children", "_state", "triggered", "task_spec", "thread_id", "data"}
    assert all(f"self.{name} =" in inspect.getsource(Task.__init__) for name in own), "Token sets these itself"


def test_joins_that_come_free_together_fire_in_the_order_in_which_they_began_to_wait_saved_or_not():
    body = (
        '<startEvent id="S"/><parallelGateway id="F"/><task id="A1"/><userTask id="A2"/><task id="X1"/><task id="X2"/>'
        '<userTask id="B"/><userTask id="C"/><exclusiveGateway id="M"/><exclusiveGateway id="N"/>'
        '<exclusiveGateway id="G" default="G_E"/>'
        '<inclusiveGateway id="K1"/><inclusiveGateway id="K2"/><endEvent id="E"/>'
    )
    paths = ("S F A1 M K1", "F A2 M", "F X1 X2 K2", "F B N K1", "F C G", "G ?${x==1}? N", "G ?${x==2}? K2", "G E")
    made, orders = program(body, *paths), []

    for saves in (True, False):
        story = Story(made, saves=saves, x=0)
        story.complete("A2")
        story.complete("B")
        story.complete("C")
        orders.append([element for element in story.path if element in ("K1", "K2")])

    assert orders == [["K1", "K2", "K1"]] * 2
