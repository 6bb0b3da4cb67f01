"""Loops and multi-instance activities, and compensation of activities."""

from __future__ import annotations

from tests.elements.example import Example, Node, Part, Parts
from tests.elements.vocabulary import (
    both,
    boundary,
    compensation,
    completed_when,
    each,
    end,
    instances,
    loop,
    service,
    signal,
    start,
    throw,
    times,
    undoing,
    user,
)

_NO_BEHAVIOUR = "its editor has no field for it, and its engine does not know it"


def _example(id: str, title: str, says: str, task: Node, scenario: str, *more: Node, lines: str = "",
             **rest: object) -> Example:  # fmt: skip
    nodes = (start("Order placed"), task, *more, end("Done", "Done"))
    return Example(id, "loop", title, says, nodes, "Start Task Done" + lines, scenario, ("Task",), **rest)  # type: ignore[arg-type]


_LOOPS = (
    _example(
        "standard-loop",
        "standard loop",
        "The activity is repeated as long as the condition holds, which is looked at after each time; `loopCounter` "
        "counts from 1.",
        user("Task", "Ask for a quote", loop("price > 100")),
        """
scenarios:
  - name: it is repeated until the price is good
    start: {variables: {price: 200}}
    steps:
      - complete: Task
        variables: {price: 150}
        expect: {active: [Task]}
      - complete: Task
        variables: {price: 90}
    expect: {state: completed, completed: {Task: 2}}
""",
    ),
    _example(
        "standard-loop-before",
        "standard loop, tested before, with a maximum",
        "With `testBefore` the condition is looked at before each time, so the activity may not be done at all; "
        "`loopMaximum` bounds it.",
        user("Task", "Ask for a quote", loop("price > 100", before=True, maximum=2)),
        """
scenarios:
  - name: the price is good already
    start: {variables: {price: 90}}
    expect: {state: completed, completed: {Task: 0}}
  - name: it is done twice at most
    start: {variables: {price: 200}}
    steps:
      - complete: Task
      - complete: Task
    expect: {state: completed, completed: {Task: 2}}
""",
    ),
)
_INSTANCES = (
    _example(
        "multi-instance",
        "multi-instance, parallel, by number",
        "As many instances at once as the cardinality says. The activity is over when all are.",
        user("Task", "Ask for a quote", instances(times("suppliers"))),
        """
scenarios:
  - name: three at once
    start: {variables: {suppliers: 3}}
    steps:
      - expect: {active: [Task, Task, Task]}
      - complete: Task
      - complete: Task
        expect: {active: [Task], not_visited: [Done]}
      - complete: Task
    expect: {state: completed}
""",
        not_in={"camunda8": "its multi-instance goes over a collection"},
    ),
    _example(
        "multi-instance-sequential",
        "multi-instance, sequential, over a collection",
        "One instance after another, each with its entry of the list.",
        user("Task", "Pack item", instances(each("items", "item"), sequential=True)),
        """
scenarios:
  - name: one item after the other
    start: {variables: {items: [lamp, chair]}}
    steps:
      - expect: {active: [Task], task_variables: {Task: {item: lamp}}}
      - complete: Task
        expect: {active: [Task], task_variables: {Task: {item: chair}}}
      - complete: Task
    expect: {state: completed, absent_variables: [item]}
""",
    ),
    _example(
        "multi-instance-collection",
        "multi-instance, parallel, over a collection",
        "An instance for each entry of the list, all at once; none where the list is empty.",
        user("Task", "Pack item", instances(each("items", "item"))),
        """
scenarios:
  - name: all items at once
    start: {variables: {items: [lamp, chair]}}
    steps:
      - complete: Task
        where: {item: chair}
        expect: {active: [Task], task_variables: {Task: {item: lamp}}}
      - complete: Task
    expect: {state: completed}
  - name: nothing to pack
    start: {variables: {items: []}}
    expect: {state: completed, visits: {Done: 1}}
""",
    ),
    _example(
        "multi-instance-output",
        "multi-instance with an output collection",
        "What each instance gives is gathered in a list, in the order of the input.",
        user("Task", "Ask for a quote", instances(each("suppliers", "supplier", "prices", "price"))),
        """
scenarios:
  - name: the prices stand as the suppliers do
    start: {variables: {suppliers: [ann, bob]}}
    steps:
      - complete: Task
        where: {supplier: bob}
        variables: {price: 80}
      - complete: Task
        variables: {price: 100}
    expect: {state: completed, variables: {prices: [100, 80]}}
""",
        not_in={"camunda7": "it has no output collection; results go out by output mappings"},
    ),
    _example(
        "multi-instance-completion",
        "multi-instance with a completion condition",
        "Looked at when an instance completes: where it holds, the other instances are ended.",
        user("Task", "Ask for a quote", instances(both(each("suppliers", "supplier"), completed_when("price < 100")))),
        """
scenarios:
  - name: the first good price is enough
    start: {variables: {suppliers: [ann, bob, eve], price: 999}}
    steps:
      - complete: Task
        variables: {price: 150}
        expect: {active: [Task, Task]}
      - complete: Task
        variables: {price: 90}
    expect: {state: completed, completed: {Done: 1}, cancelled: {Task: 1}}
""",
    ),
)


def _answered(which: str) -> Part:
    """The event that the marker throws, defined at the top of the file."""
    reference = f"Event_{which}"
    definition = f'<bpmn:signalEventDefinition id="{reference}" signalRef="Signal_Answered"/>'
    root = '<bpmn:signal id="Signal_Answered" name="Answered"/>'
    marks = {"behavior": which, f"{which.lower()}BehaviorEventRef": reference}
    return lambda dialect: Parts(dict(marks), roots={"Signal_Answered": root, reference: definition})


def _complex() -> Part:
    def part(dialect: object) -> Parts:
        condition = dialect.formal("condition", "price < 100")  # type: ignore[attr-defined]
        event = (
            '<bpmn:event id="Good" xsi:type="bpmn:tImplicitThrowEvent">'
            '<bpmn:signalEventDefinition id="Event_Good" signalRef="Signal_Answered"/></bpmn:event>'
        )
        inside = f'<bpmn:complexBehaviorDefinition id="Behavior">{condition}{event}</bpmn:complexBehaviorDefinition>'
        root = '<bpmn:signal id="Signal_Answered" name="Answered"/>'
        return Parts({"behavior": "Complex"}, body=[inside], roots={"Signal_Answered": root})

    return part


def _behaviour(which: str, says: str, marker: Part, scenario: str) -> Example:
    return _example(
        f"multi-instance-behavior-{which.lower()}",
        f"multi-instance with behavior {which}",
        says,
        user("Task", "Ask for a quote", instances(both(times("suppliers"), marker))),
        scenario,
        boundary("Answered", "Answered", "Task", signal("Answered")),
        user("Tell", "Tell customer"),
        end("Told", "Told"),
        lines="\nAnswered Tell Told",
        not_in=dict.fromkeys(("camunda7", "camunda8", "spiffworkflow"), _NO_BEHAVIOUR),
    )


_BEHAVIOURS = (
    _behaviour(
        "One",
        "Throws its event as the first instance completes; the path from the boundary does not wait for the others.",
        _answered("One"),
        """
scenarios:
  - name: the customer is told of the first answer
    start: {variables: {suppliers: 3}}
    steps:
      - complete: Task
        expect: {active: [Task, Task, Tell]}
      - complete: Task
        expect: {active: [Task, Tell], visits: {Tell: 1}}
""",
    ),
    _behaviour(
        "None",
        "Throws its event as each instance completes.",
        _answered("None"),
        """
scenarios:
  - name: the customer is told of each answer
    start: {variables: {suppliers: 3}}
    steps:
      - complete: Task
      - complete: Task
        expect: {active: [Task, Tell, Tell], visits: {Tell: 2}}
""",
    ),
    _behaviour(
        "Complex",
        "Throws the events whose condition holds as an instance completes; they may interrupt.",
        _complex(),
        """
scenarios:
  - name: a good price ends the asking
    start: {variables: {suppliers: 3, price: 999}}
    steps:
      - complete: Task
        variables: {price: 150}
        expect: {active: [Task, Task]}
      - complete: Task
        variables: {price: 90}
        expect: {active: [Tell]}
""",
    ),
)

_COMPENSATION = (
    Example(
        id="compensation-handler",
        group="loop",
        title="compensation handler, and compensation boundary event",
        says="The boundary event waits once its activity has completed. The handler runs when that is compensated, "
        "once for each time, with the variables as they were.",
        nodes=(
            start("Trip planned"),
            service("Book", "Book hotel", "book-hotel"),
            boundary("UndoHotel", "Undo", "Book", compensation()),
            user("Agree", "Agree"),
            throw("Undo", "Undo hotel", compensation("Book")),
            end("Done", "No trip"),
            undoing(service("Cancel", "Cancel hotel", "cancel-hotel")),
        ),
        lines="Start Book Agree Undo Done\nUndoHotel ~ Cancel",
        shown=("UndoHotel", "Cancel"),
        scenario="""
stubs:
  book-hotel: {return: {}}
  cancel-hotel: {return: {}}
scenarios:
  - name: the hotel that was booked is cancelled
    steps:
      - expect: {active: [Agree], not_visited: [Cancel]}
      - complete: Agree
    expect: {state: completed, stub_order: [book-hotel, cancel-hotel], path: [Start, Book, Agree, Undo, Cancel, Done]}
""",
    ),
)

EXAMPLES = (*_LOOPS, *_INSTANCES, *_BEHAVIOURS, *_COMPENSATION)
