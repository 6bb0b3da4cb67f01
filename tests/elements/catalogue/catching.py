"""Events that wait: starting a process, in between, on the boundary, and starting an event subprocess."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import indent

from tests.elements.dialects import X
from tests.elements.example import Example, Node, Part
from tests.elements.vocabulary import (
    all_of,
    boundary,
    catch,
    compensation,
    conditional,
    end,
    error,
    escalation,
    event_sub,
    link,
    message,
    service,
    signal,
    start,
    sub,
    throw,
    timer,
    user,
)

_HOT = X("temperature > 80")


@dataclass(frozen=True)
class Trigger:
    """*name*: of the event. *happens*: the steps that make it happen. *says*: what it is, in a few words."""

    kind: str
    name: str
    events: tuple[Part, ...]
    happens: str
    says: str
    before: str = ""  # steps after which nothing has happened yet


def _triggers(key: str) -> tuple[Trigger, ...]:
    """What may come from outside; messages carry *key*."""
    withdrawal = message("Withdrawal", key)
    return (
        Trigger(
            "message",
            "Customer withdraws",
            (withdrawal,),
            "- message: Withdrawal\n  correlate: {order: o-1}",
            "A message with this name, and with its key where there is one, reaches one instance",
        ),
        Trigger(
            "timer",
            "2 days",
            (timer("Duration", "P2D"),),
            "- advance: P2D",
            "A moment, a duration, or a cycle, of the engine's own clock",
            "- advance: P1DT23H\n",
        ),
        Trigger(
            "signal",
            "Prices change",
            (signal("PricesChanged"),),
            "- signal: PricesChanged",
            "A signal reaches everything that waits for it, in all instances",
        ),
        Trigger(
            "conditional",
            "Too hot",
            (conditional(_HOT),),
            "- set_variables: {temperature: 90}",
            "The condition is looked at whenever a variable changes",
            "- set_variables: {temperature: 60}\n",
        ),
        Trigger(
            "multiple",
            "Withdrawn or too late",
            (withdrawal, timer("Duration", "P2D")),
            "- advance: P2D",
            "Any one of its triggers is enough",
        ),
        Trigger(
            "parallelMultiple",
            "Withdrawn and prices changed",
            (all_of(), withdrawal, signal("PricesChanged")),
            "- signal: PricesChanged\n- message: Withdrawal\n  correlate: {order: o-1}",
            "All of its triggers are needed, in any order",
            "- signal: PricesChanged\n",
        ),
    )


_TITLES = {"parallelMultiple": "parallel multiple"}


def _steps(text: str) -> str:
    return indent(text.rstrip("\n"), "      ")


def _id(kind: str) -> str:
    return "parallel-multiple" if kind == "parallelMultiple" else kind


# --- boundary events --------------------------------------------------------------------------------


def _boundary(trigger: Trigger, *, interrupts: bool) -> Example:
    before = trigger.before and _steps(trigger.before) + "\n      - expect: {active: [Offer]}\n"
    if interrupts:
        says = f"{trigger.says}, and ends the activity: the flow goes on from the event."
        expect = "{state: completed, cancelled: {Offer: 1}, path: [Start, Offer, Event, Handled]}"
        last = ""
    else:
        says = f"{trigger.says}; the activity goes on, and the flow from the event runs beside it."
        last = "\n      - expect: {active: [Offer], visited: [Event, Handled]}\n      - complete: Offer"
        expect = "{state: completed, completed: {Offer: 1}, ended_at: [Handled, Sent]}"
    name = "interrupts the task" if interrupts else "leaves the task open"
    kind = _TITLES.get(trigger.kind, trigger.kind)
    return Example(
        id=f"boundary-{_id(trigger.kind)}" + ("" if interrupts else "-non-interrupting"),
        group="boundary",
        title=f"{kind} boundary event" + ("" if interrupts else ", non-interrupting"),
        says=says,
        nodes=(
            start("Inquiry"),
            user("Offer", "Prepare offer"),
            boundary("Event", trigger.name, "Offer", *trigger.events, interrupts=interrupts),
            end("Sent", "Offer sent"),
            end("Handled", "Handled"),
        ),
        lines="Start Offer Sent\nEvent Handled",
        shown=("Event",),
        scenario=f"""
scenarios:
  - name: the event {name}
    start: {{variables: {{order: o-1, temperature: 20}}}}
    steps:
{before}{_steps(trigger.happens)}{last}
    expect: {expect}
  - name: the task is done before
    start: {{variables: {{order: o-1, temperature: 20}}}}
    steps:
      - complete: Offer
    expect: {{state: completed, ended_at: [Sent], not_visited: [Event]}}
""",
    )


_FROM_OUTSIDE = _triggers("order")
_THROWN_INSIDE = (
    Trigger("error", "Data missing", (error("DATA_MISSING"),), "- task_error: Offer\n  code: DATA_MISSING",
            "A BPMN error with this code, from the activity or anything inside it"),
    Trigger("escalation", "Needs manager", (escalation("MANAGER"),), "- task_escalation: Offer\n  code: MANAGER",
            "An escalation with this code, from the activity or anything inside it"),
)  # fmt: skip

BOUNDARY = tuple(
    _boundary(trigger, interrupts=interrupts)
    for trigger in (*_FROM_OUTSIDE[:4], *_THROWN_INSIDE, *_FROM_OUTSIDE[4:])
    for interrupts in ((True, False) if trigger.kind != "error" else (True,))
)

# --- intermediate catch events ----------------------------------------------------------------------


def _catch(trigger: Trigger) -> Example:
    before = trigger.before and _steps(trigger.before) + "\n"
    kind = _TITLES.get(trigger.kind, trigger.kind)
    return Example(
        id=f"catch-{_id(trigger.kind)}",
        group="catch",
        title=f"{kind} intermediate catch event",
        says=f"{trigger.says}; the token waits for it.",
        nodes=(
            start("Order placed"),
            catch("Event", trigger.name, *trigger.events),
            end("Done", "Order handled"),
        ),
        lines="Start Event Done",
        shown=("Event",),
        scenario=f"""
scenarios:
  - name: the token waits until it happens
    start: {{variables: {{order: o-1, temperature: 20}}}}
    steps:
{before}      - expect: {{active: [Event], not_visited: [Done]}}
{_steps(trigger.happens)}
    expect: {{state: completed, path: [Start, Event, Done]}}
""",
    )


LINK = Example(
    id="link",
    group="catch",
    title="link intermediate events",
    says="A throwing link goes on at the catching link of the same name, in the same scope: a flow that is not drawn.",
    nodes=(
        start("Order placed"),
        user("Pack", "Pack goods"),
        throw("ToShipping", "Shipping", link("Shipping")),
        catch("FromPacking", "Shipping", link("Shipping")),
        user("Ship", "Ship goods"),
        end("Done", "Shipped"),
    ),
    lines="Start Pack ToShipping\nFromPacking Ship Done",
    shown=("ToShipping", "FromPacking"),
    scenario="""
scenarios:
  - name: the flow goes on at the other half
    steps:
      - complete: Pack
        expect: {active: [Ship]}
      - complete: Ship
    expect: {state: completed, path: [Start, Pack, ToShipping, FromPacking, Ship, Done]}
""",
)

# --- start events -----------------------------------------------------------------------------------


def _start(kind: str, name: str, events: tuple[Part, ...], says: str, scenario: str, **rest: object) -> Example:
    return Example(
        id=f"start-{_id(kind)}",
        group="start",
        title=f"{_TITLES.get(kind, kind)} start event",
        says=says,
        nodes=(
            start(name, id="Start") if not events else _started_by(name, events),
            user("Check", "Check order"),
            end("Done", "Checked"),
        ),
        lines="Start Check Done",
        shown=("Start",),
        scenario=scenario,
        **rest,  # type: ignore[arg-type]
    )


def _started_by(name: str, events: tuple[Part, ...]) -> Node:
    return Node("Start", "startEvent", name, events)


START = (
    _start(
        "none",
        "Order placed",
        (),
        "A person, a program or a call activity starts the process.",
        """
scenarios:
  - name: it is started by hand
    start: {variables: {order: o-1}, business_key: o-1}
    steps:
      - expect: {active: [Check]}
      - complete: Check
    expect: {state: completed, path: [Start, Check, Done], variables: {order: o-1}}
""",
    ),
    _start(
        "message",
        "Order received",
        (message("OrderReceived"),),
        "Every message of this name that no running instance waits for starts an instance; what it carries becomes "
        "its variables.",
        """
scenarios:
  - name: each message starts an instance
    start: {message: {name: OrderReceived, variables: {order: o-1}}}
    steps:
      - message: OrderReceived
        variables: {order: o-2}
        as: second
        expect: {instances: {start-message: 2}}
      - expect: {variables: {order: o-2}}
        instance: second
    expect: {active: [Check, Check], variables: {order: o-1}}
""",
    ),
    _start(
        "timer",
        "Every day",
        (timer("Cycle", "R/P1D"),),
        "A date starts one instance, a cycle or cron line one each time; deploying a newer version stops the older "
        "one's.",
        """
now: 2026-01-05T09:00:00Z
scenarios:
  - name: an instance a day
    start: none
    steps:
      - advance: PT23H
        expect: {instances: {start-timer: 0}}
      - advance: PT1H
        expect: {instances: {start-timer: 1}, active: [Check]}
      - advance: P2D
        expect: {instances: {start-timer: 3}}
""",
    ),
    _start(
        "signal",
        "Season opens",
        (signal("SeasonOpens"),),
        "A signal starts an instance of every process that has a start event for it.",
        """
scenarios:
  - name: the signal starts an instance
    start: {signal: {name: SeasonOpens, variables: {season: summer}}}
    expect: {active: [Check], variables: {season: summer}, path: [Start, Check]}
""",
    ),
    _start(
        "conditional",
        "Too hot",
        (conditional(_HOT),),
        "The condition is looked at when somebody hands over variables to evaluate start conditions with.",
        """
scenarios:
  - name: an instance starts where the condition holds
    start: none
    steps:
      - evaluate_conditions:
        variables: {temperature: 20}
        expect: {instances: {start-conditional: 0}}
      - evaluate_conditions:
        variables: {temperature: 90}
        as: main
    expect: {active: [Check], variables: {temperature: 90}}
""",
    ),
    _start(
        "multiple",
        "Order or season",
        (message("OrderReceived"), signal("SeasonOpens")),
        "Any one of its triggers starts an instance.",
        """
scenarios:
  - name: each of the triggers starts an instance
    start: {message: {name: OrderReceived, variables: {order: o-1}}}
    steps:
      - signal: SeasonOpens
    expect: {instances: {start-multiple: 2}, active: [Check, Check]}
""",
    ),
    _start(
        "parallelMultiple",
        "Order and season",
        (all_of(), message("OrderReceived"), signal("SeasonOpens")),
        "All of its triggers are needed to start an instance.",
        """
scenarios:
  - name: both triggers together start an instance
    start: none
    steps:
      - message: OrderReceived
        variables: {order: o-1}
        expect: {instances: {start-parallel-multiple: 0}}
      - signal: SeasonOpens
        expect: {instances: {start-parallel-multiple: 1}, active: [Check]}
""",
    ),
)

# --- event subprocesses -----------------------------------------------------------------------------


def _event_subprocess(trigger: Trigger, *, interrupts: bool) -> Example:
    kind = _TITLES.get(trigger.kind, trigger.kind)
    before = trigger.before and _steps(trigger.before) + "\n      - expect: {active: [Offer]}\n"
    if interrupts:
        says = f"{trigger.says}, and ends all else in the scope: the event subprocess runs instead."
        last = "      - expect: {active: [Handle]}\n      - complete: Handle"
        expect = "{state: completed, cancelled: {Offer: 1}, ended_at: [Handled]}"
    else:
        says = f"{trigger.says}; the event subprocess runs beside the rest of the scope."
        last = "      - expect: {active: [Handle, Offer]}\n      - complete: Handle\n      - complete: Offer"
        expect = "{state: completed, cancelled: {Offer: 0}, ended_at: [Handled, Sent]}"
    return Example(
        id=f"event-subprocess-{_id(trigger.kind)}" + ("" if interrupts else "-non-interrupting"),
        group="event-subprocess",
        title=f"{kind} start event of an event subprocess" + ("" if interrupts else ", non-interrupting"),
        says=says,
        nodes=(
            start("Inquiry"),
            user("Offer", "Prepare offer"),
            end("Sent", "Offer sent"),
            event_sub(
                "Handling",
                "Handle it",
                "Event Handle Handled",
                Node("Event", "startEvent", trigger.name, trigger.events),
                user("Handle", "Tell the customer"),
                end("Handled", "Told"),
                interrupts=interrupts,
            ),
        ),
        lines="Start Offer Sent\n. Handling",
        shown=("Event",),
        scenario=f"""
scenarios:
  - name: the event subprocess runs
    start: {{variables: {{order: o-1, temperature: 20}}}}
    steps:
{before}{_steps(trigger.happens)}
{last}
    expect: {expect}
""",
    )


COMPENSATION_SUBPROCESS = Example(
    id="event-subprocess-compensation",
    group="event-subprocess",
    title="compensation start event of an event subprocess",
    says="When the subprocess around it, which has completed, is compensated, this runs in its place, with its "
    "variables as they were.",
    nodes=(
        start("Trip planned"),
        sub(
            "Book",
            "Book trip",
            "BookingStarted BookHotel Booked\n. UndoBooking",
            start(id="BookingStarted"),
            service("BookHotel", "Book hotel", "book-hotel"),
            end("Booked", "Booked"),
            event_sub(
                "UndoBooking",
                "Undo the booking",
                "Undone CancelHotel Cancelled",
                Node("Undone", "startEvent", "Undo", (compensation(),)),
                service("CancelHotel", "Cancel hotel", "cancel-hotel"),
                end("Cancelled", "Cancelled"),
            ),
        ),
        user("Confirm", "Confirm trip"),
        throw("Undo", "Undo all", compensation()),
        end("Done", "Trip undone"),
    ),
    lines="Start Book Confirm Undo Done",
    shown=("Undone",),
    scenario="""
stubs:
  book-hotel: {return: {}}
  cancel-hotel: {return: {}}
scenarios:
  - name: the completed subprocess is undone
    steps:
      - expect: {active: [Confirm], stub_calls: {book-hotel: 1, cancel-hotel: 0}}
      - complete: Confirm
    expect: {state: completed, stub_order: [book-hotel, cancel-hotel], ended_at: [Booked, Cancelled, Done]}
""",
)

CATCH = tuple(_catch(trigger) for trigger in _FROM_OUTSIDE)
EVENT_SUBPROCESS = (
    *(
        _event_subprocess(trigger, interrupts=interrupts)
        for trigger in (*_FROM_OUTSIDE[:4], *_THROWN_INSIDE, *_FROM_OUTSIDE[4:])
        for interrupts in ((True, False) if trigger.kind != "error" else (True,))
    ),
    COMPENSATION_SUBPROCESS,
)

EXAMPLES = (*START, *EVENT_SUBPROCESS, *CATCH, LINK, *BOUNDARY)
