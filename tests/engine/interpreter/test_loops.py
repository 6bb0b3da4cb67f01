"""Multi-instance activities and standard loops."""

from story import Story, program

from engine import events

PARALLEL = '<multiInstanceLoopCharacteristics camunda:collection="${{items}}" camunda:elementVariable="item"{}>{}</multiInstanceLoopCharacteristics>'
ZEEBE = (
    '<multiInstanceLoopCharacteristics{}><extensionElements><zeebe:loopCharacteristics inputCollection="=items" '
    'inputElement="item" outputCollection="results" outputElement="=answer"/></extensionElements>{}'
    "</multiInstanceLoopCharacteristics>"
)
SEQUENTIAL = ' isSequential="true"'


def test_each_item_has_its_own_instance_and_its_own_variable():
    task = f'<userTask id="T">{PARALLEL.format("", "")}</userTask>'
    story = Story(program(f'<startEvent id="S"/>{task}<userTask id="U"/>', "S T U"), items=["a", "b", "c"])

    seen = [story.instance.visible(each)["item"] for each in story.waiting_ids("T")]
    assert seen == ["a", "b", "c"]
    for _ in range(3):
        story.complete("T")

    assert story.waiting_at == ["U"]
    assert story.variables == {"items": ["a", "b", "c"]}
    assert story.passed["T"] == 3 + 1, "three instances and their body"


def test_outputs_are_collected_in_the_order_of_the_items_whoever_is_done_first():
    task = f'<userTask id="T">{ZEEBE.format("", "")}</userTask>'
    story = Story(program(f'<startEvent id="S"/>{task}<userTask id="U"/>', "S T U"), items=[1, 2, 3])

    for nth, answer in ((2, "third"), (0, "first"), (0, "second")):
        story.complete("T", nth=nth, answer=answer)

    assert story.variables["results"] == ["first", "second", "third"]


def test_what_an_instance_gives_stays_its_own_until_it_is_collected():
    task = f'<userTask id="T">{ZEEBE.format("", "")}</userTask>'
    story = Story(program(f'<startEvent id="S"/>{task}<userTask id="U"/>', "S T U"), items=[1, 2])

    story.complete("T", answer="one")
    assert "answer" not in story.variables
    story.complete("T", answer="two")

    assert story.variables == {"items": [1, 2], "results": ["one", "two"]}


def test_a_sequential_one_goes_from_item_to_item():
    task = f'<userTask id="T">{ZEEBE.format(SEQUENTIAL, "")}</userTask>'
    story = Story(program(f'<startEvent id="S"/>{task}<userTask id="U"/>', "S T U"), items=["x", "y"])

    assert len(story.waiting_ids("T")) == 1
    story.complete("T", answer=1)
    (second,) = story.waiting_ids("T")
    assert story.instance.visible(second)["item"] == "y"
    story.complete("T", answer=2)

    assert story.variables["results"] == [1, 2]


def test_the_completion_condition_withdraws_the_rest():
    condition = "<completionCondition>${nrOfCompletedInstances == 2}</completionCondition>"
    task = f'<userTask id="T">{PARALLEL.format("", condition)}</userTask>'
    story = Story(program(f'<startEvent id="S"/>{task}<userTask id="U"/>', "S T U"), items=[1, 2, 3, 4])

    story.complete("T")
    story.complete("T")

    assert story.waiting_at == ["U"]
    assert len(story.of(events.ActivityCancelled)) == 2


def test_nothing_to_do_for_an_empty_collection():
    task = f'<userTask id="T">{ZEEBE.format("", "")}</userTask>'
    story = Story(program(f'<startEvent id="S"/>{task}<userTask id="U"/>', "S T U"), items=[])

    assert story.waiting_at == ["U"]
    assert story.variables["results"] == []


def test_a_multi_instance_in_a_loop_starts_afresh_each_time():
    task = f'<scriptTask id="T" scriptFormat="python">{ZEEBE.format("", "")}<script>answer = item * 10</script></scriptTask>'
    again = '<scriptTask id="N" scriptFormat="python"><script>turn = turn + 1</script></scriptTask>'
    body = f'<startEvent id="S"/><exclusiveGateway id="M"/>{task}{again}<exclusiveGateway id="X" default="X_E"/><endEvent id="E"/>'
    story = Story(program(body, "S M T N X ?=turn<3? M", "X E"), items=[1, 2], turn=0, answer=None)

    assert story.outcome == "completed"
    assert story.passed["T"] == 3 * (2 + 1)


def test_a_boundary_timer_on_the_body_withdraws_all_instances():
    timer = "<timerEventDefinition><timeDuration>PT1H</timeDuration></timerEventDefinition>"
    task = f'<userTask id="T">{PARALLEL.format("", "")}</userTask><boundaryEvent id="Late" attachedToRef="T">{timer}</boundaryEvent>'
    story = Story(program(f'<startEvent id="S"/>{task}<userTask id="U"/>', "S T", "Late U"), items=[1, 2])

    assert len(story.timers()) == 1
    story.advance(hours=1)

    assert story.waiting_at == ["U"]
    assert len(story.of(events.ActivityCancelled)) == 3


def test_one_of_a_thousand_going_on_saves_only_its_own_part():
    task = f'<userTask id="T">{PARALLEL.format("", "")}</userTask>'
    story = Story(program(f'<startEvent id="S"/>{task}', "S T"), saves=False, items=list(range(1000)))
    first = story.waiting_ids("T")[0]

    before = dict(story.parts)
    story.complete("T")
    changed = {part for part in before.keys() | story.parts.keys() if before.get(part) is not story.parts.get(part)}

    assert changed == {0, first}
    assert len(str(story.parts[0])) < 400


def test_a_standard_loop_repeats_while_its_condition_holds():
    loop = "<standardLoopCharacteristics{}><loopCondition>{}</loopCondition></standardLoopCharacteristics>"
    script = '<scriptTask id="T" scriptFormat="python">{}<script>i = i + 1</script></scriptTask>'

    def turns(attributes: str, condition: str) -> int:
        body = f'<startEvent id="S"/>{script.format(loop.format(attributes, condition))}<endEvent id="E"/>'
        story = Story(program(body, "S T E"), i=0)
        assert story.outcome == "completed"
        return story.variables["i"]

    assert turns(' testBefore="true"', "${i &lt; 3}") == 3
    assert turns(' testBefore="true"', "${i &lt; 0}") == 0
    assert turns(' testBefore="false"', "${i &lt; 0}") == 1
    assert turns(' testBefore="false" loopMaximum="2"', "${i &lt; 9}") == 2


def test_ids_are_not_given_twice_when_only_one_instances_part_was_saved():
    inside = (
        '<subProcess id="P">{}<startEvent id="S2"/><userTask id="T"/><userTask id="V"/><endEvent id="E2"/>'
        '<sequenceFlow id="a" sourceRef="S2" targetRef="T"/><sequenceFlow id="b" sourceRef="T" targetRef="V"/>'
        '<sequenceFlow id="c" sourceRef="V" targetRef="E2"/></subProcess>'
    ).format(PARALLEL.format("", ""))
    story = Story(program(f'<startEvent id="S"/>{inside}<endEvent id="E"/>', "S P E"), items=[1, 2])

    for element in ("T", "T", "V", "V"):
        story.complete(element)

    ids = [entered.activity_id for entered in story.of(events.ActivityEntered)]
    assert len(ids) == len(set(ids))
    assert story.outcome == "completed"
