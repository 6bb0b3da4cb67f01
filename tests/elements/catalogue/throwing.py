"""Events that make something happen: on the way, and in the end."""

from __future__ import annotations

from tests.elements.dialects import Dialect
from tests.elements.example import Example, Node, Part, Parts
from tests.elements.vocabulary import (
    boundary,
    cancel,
    catch,
    compensation,
    end,
    error,
    escalation,
    gateway,
    message,
    service,
    signal,
    start,
    sub,
    terminate,
    throw,
    undoing,
    user,
)

_BY_JOB = "In Camunda's dialects a handler sends it; else the engine hands it to who waits for it."


def sent(name: str, job: str) -> Part:
    """A message that is thrown: by a job where the dialect says so."""

    def part(dialect: Dialect) -> Parts:
        found = message(name)(dialect)
        if dialect.name == "camunda7":
            said = f' camunda:type="external" camunda:topic="{job}"'
            found.body = [found.body[0].replace(" messageRef", f"{said} messageRef", 1)]
        if dialect.name == "camunda8":
            found.extensions.append(f'<zeebe:taskDefinition type="{job}"/>')
        return found

    return part


_JOB_SENDS = """
stubs:
  send-confirmation: {return: {}}
scenarios:
  - name: a handler sends the message
    steps:
      - complete: Pack
    expect: {stub_calls: {send-confirmation: 1}, visited: [Start, Fork, Pack, Event%s], active: [Confirmed]}
"""
_ENGINE_SENDS = """
scenarios:
  - name: the message reaches who waits for it
    steps:
      - expect: {active: [Confirmed, Pack]}
      - complete: Pack
    expect: {state: completed, completed: {Event: 1, Confirmed: 1}}
"""


def _beside(event: Node, waiting: Node, last: str) -> tuple[tuple[Node, ...], str]:
    """*event* is thrown in one branch, and caught by *waiting* in another."""
    nodes = (
        start("Order placed"),
        gateway("parallel", "Fork"),
        user("Pack", "Pack goods"),
        event,
        *((end("Shipped", "Shipped"),) if last else ()),
        waiting,
        end("Informed", "Customer informed"),
    )
    return nodes, f"Start Fork Pack Event {last}\nFork {waiting.id} Informed"


def _message(event: Node, id: str, group: str, title: str, last: str) -> Example:
    nodes, lines = _beside(event, catch("Confirmed", "Confirmed", message("Confirmation")), last)
    by_job = _JOB_SENDS % (", Shipped" if last else "")
    return Example(
        id=id,
        group=group,
        title=title,
        says=f"Sends a message. {_BY_JOB}",
        nodes=nodes,
        lines=lines,
        shown=("Event",),
        scenario=_ENGINE_SENDS,
        own_scenarios={"camunda7": by_job, "camunda8": by_job},
    )


def _signal(event: Node, id: str, group: str, title: str, last: str) -> Example:
    nodes, lines = _beside(event, catch("Heard", "Goods left", signal("GoodsLeft")), last)
    return Example(
        id=id,
        group=group,
        title=title,
        says="Tells everything that waits for the signal, in this instance and in all others.",
        nodes=nodes,
        lines=lines,
        shown=("Event",),
        scenario=f"""
scenarios:
  - name: all instances hear of it
    steps:
      - start: {id}
        as: other
        expect: {{active: [Heard, Heard, Pack, Pack]}}
      - complete: Pack
        instance: main
        expect: {{active: [Pack]}}
    expect: {{state: completed, completed: {{Event: 1, Heard: 1}}}}
""",
    )


def _escalation(event: Node, id: str, group: str, title: str, last: str) -> Example:
    return Example(
        id=id,
        group=group,
        title=title,
        says="Tells the scopes around it, innermost first, and goes on; whether anything is ended is up to who "
        "catches it.",
        nodes=(
            start("Inquiry"),
            sub(
                "Quote",
                "Quote",
                f"QuoteStarted Estimate Event {last}",
                start(id="QuoteStarted"),
                user("Estimate", "Estimate"),
                event,
                *((end("Estimated", "Estimated"),) if last else ()),
            ),
            boundary("TooLarge", "Too large", "Quote", escalation("TOO_LARGE"), interrupts=False),
            user("Inform", "Inform manager"),
            end("Quoted", "Quoted"),
            end("Informed", "Informed"),
        ),
        lines="Start Quote Quoted\nTooLarge Inform Informed",
        shown=("Event",),
        scenario="""
scenarios:
  - name: the manager is told while the quote goes on
    steps:
      - complete: Estimate
        expect: {active: [Inform], visited: [Event, TooLarge], ended_at: [%s, Quoted]}
      - complete: Inform
    expect: {state: completed}
"""
        % (last or "Event"),
    )


def _compensation(event: Node, id: str, group: str, title: str, last: str) -> Example:
    return Example(
        id=id,
        group=group,
        title=title,
        says="Undoes what has completed in its scope, last first, and waits until that is done; with an activity, only "
        "that one.",
        nodes=(
            start("Trip planned"),
            service("BookHotel", "Book hotel", "book-hotel"),
            boundary("UndoHotel", "", "BookHotel", compensation()),
            service("BookFlight", "Book flight", "book-flight"),
            boundary("UndoFlight", "", "BookFlight", compensation()),
            event,
            *((end("Undone", "Trip undone"),) if last else ()),
            undoing(service("CancelHotel", "Cancel hotel", "cancel-hotel")),
            undoing(service("CancelFlight", "Cancel flight", "cancel-flight")),
        ),
        lines=f"Start BookHotel BookFlight Event {last}\nUndoFlight ~ CancelFlight\nUndoHotel ~ CancelHotel",
        shown=("Event",),
        scenario="""
stubs:
  book-hotel: {}
  book-flight: {}
  cancel-hotel: {}
  cancel-flight: {}
scenarios:
  - name: what was booked last is undone first
    expect:
      state: completed
      stub_order: [book-hotel, book-flight, cancel-flight, cancel-hotel]
      ended_at: [%s]
"""
        % (last or "Event"),
    )


def _multiple(event: Node, id: str, group: str, title: str, last: str) -> Example:
    nodes, lines = _beside(event, catch("Heard", "Goods left", signal("GoodsLeft")), last)
    nodes = (*nodes, catch("Noted", "Order closed", signal("OrderClosed")), end("Closed", "Closed"))
    return Example(
        id=id,
        group=group,
        title=title,
        says="Throws each of its results.",
        nodes=nodes,
        lines=lines + "\nFork Noted Closed",
        shown=("Event",),
        scenario="""
scenarios:
  - name: both signals are told
    steps:
      - complete: Pack
    expect: {state: completed, completed: {Event: 1, Heard: 1, Noted: 1}}
""",
    )


_TWO = (signal("GoodsLeft"), signal("OrderClosed"))
_NONE = Example(
    id="throw-none",
    group="throw",
    title="none intermediate throw event",
    says="A milestone: it happens, and history tells when.",
    nodes=(
        start("Order placed"),
        user("Pack", "Pack goods"),
        throw("Event", "Packed"),
        user("Ship", "Ship goods"),
        end("Done", "Shipped"),
    ),
    lines="Start Pack Event Ship Done",
    shown=("Event",),
    scenario="""
scenarios:
  - name: the milestone is passed
    steps:
      - complete: Pack
        expect: {visited: [Start, Pack, Event], active: [Ship]}
""",
)
THROW = (
    _NONE,
    _message(throw("Event", "Confirm", sent("Confirmation", "send-confirmation")), "throw-message", "throw",
             "message intermediate throw event", "Shipped"),
    _signal(throw("Event", "Goods leave", signal("GoodsLeft")), "throw-signal", "throw",
            "signal intermediate throw event", "Shipped"),
    _escalation(throw("Event", "Too large", escalation("TOO_LARGE")), "throw-escalation", "throw",
                "escalation intermediate throw event", "Estimated"),
    _compensation(throw("Event", "Undo", compensation()), "throw-compensation", "throw",
                  "compensation intermediate throw event", "Undone"),
    _multiple(throw("Event", "Goods leave", *_TWO), "throw-multiple", "throw",
              "multiple intermediate throw event", "Shipped"),
)  # fmt: skip

_ENDS = (
    Example(
        id="end-none",
        group="end",
        title="none end event",
        says="Ends its path. The instance, or the subprocess, has completed when every path has ended.",
        nodes=(
            start("Order placed"),
            gateway("parallel", "Fork"),
            user("Pack", "Pack goods"),
            user("Bill", "Write bill"),
            end("Shipped", "Shipped"),
            end("Billed", "Billed"),
        ),
        lines="Start Fork Pack Shipped\nFork Bill Billed",
        shown=("Shipped", "Billed"),
        scenario="""
scenarios:
  - name: the last path that ends, ends the instance
    steps:
      - complete: Pack
        expect: {state: running, ended_at: [Shipped]}
      - complete: Bill
    expect: {state: completed, ended_at: [Shipped, Billed]}
""",
    ),
    _message(end("Event", "Confirmed", sent("Confirmation", "send-confirmation")), "end-message", "end",
             "message end event", ""),
    _signal(end("Event", "Goods left", signal("GoodsLeft")), "end-signal", "end", "signal end event", ""),
    Example(
        id="end-error",
        group="end",
        title="error end event",
        says="Ends the scope at once with an error, which the nearest scope around it that knows the code catches. "
        "Nobody: the instance is terminated.",
        nodes=(
            start("Order placed"),
            sub(
                "Pay",
                "Pay",
                "PayStarted Check ?paid Paid\nCheck /refused Event",
                start(id="PayStarted"),
                gateway("exclusive", "Check", "Card?"),
                end("Paid", "Paid"),
                end("Event", "Card refused", error("CARD_REFUSED")),
            ),
            boundary("Refused", "Card refused", "Pay", error("CARD_REFUSED")),
            user("Call", "Call customer"),
            end("Done", "Ordered"),
            end("Called", "Called"),
        ),
        lines="Start Pay Done\nRefused Call Called",
        conditions={"paid": "limit >= amount"},
        shown=("Event",),
        scenario="""
scenarios:
  - name: the error goes to the boundary event with its code
    start: {variables: {amount: 900, limit: 500}}
    steps:
      - expect: {active: [Call], cancelled: {Pay: 1}}
      - complete: Call
    expect: {state: completed, ended_at: [Event, Called]}
  - name: all is well
    start: {variables: {amount: 90, limit: 500}}
    expect: {state: completed, ended_at: [Paid, Done]}
""",
    ),
    _escalation(end("Event", "Too large", escalation("TOO_LARGE")), "end-escalation", "end",
                "escalation end event", ""),
    _compensation(end("Event", "Undo", compensation()), "end-compensation", "end", "compensation end event", ""),
    Example(
        id="end-cancel",
        group="end",
        title="cancel end event, and cancel boundary event",
        says="Only in a transaction: what has completed in it is compensated, all else is ended, and the flow goes on "
        "at the cancel boundary event.",
        nodes=(
            start("Trip planned"),
            sub(
                "Book",
                "Book trip",
                "BookStarted BookHotel Agree Agreed ?yes Booked\nUndoHotel ~ CancelHotel\nAgreed /no Event",
                start(id="BookStarted"),
                service("BookHotel", "Book hotel", "book-hotel"),
                boundary("UndoHotel", "", "BookHotel", compensation()),
                user("Agree", "Agree with customer"),
                gateway("exclusive", "Agreed", "Agreed?"),
                end("Booked", "Booked"),
                end("Event", "Not wanted", cancel()),
                undoing(service("CancelHotel", "Cancel hotel", "cancel-hotel")),
                tag="transaction",
            ),
            boundary("Cancelled", "Cancelled", "Book", cancel()),
            end("Done", "Trip booked"),
            end("NoTrip", "No trip"),
        ),
        lines="Start Book Done\nCancelled NoTrip",
        conditions={"yes": "agreed"},
        shown=("Event", "Cancelled"),
        scenario="""
stubs:
  book-hotel: {}
  cancel-hotel: {}
scenarios:
  - name: the booked hotel is cancelled
    steps:
      - complete: Agree
        variables: {agreed: false}
    expect: {state: completed, ended_at: [Event, NoTrip], stub_order: [book-hotel, cancel-hotel]}
  - name: the trip is booked
    steps:
      - complete: Agree
        variables: {agreed: true}
    expect: {state: completed, ended_at: [Booked, Done], stub_calls: {cancel-hotel: 0}}
""",
    ),
    Example(
        id="end-terminate",
        group="end",
        title="terminate end event",
        says="Ends its scope at once, with all that still runs in it.",
        nodes=(
            start("Order placed"),
            gateway("parallel", "Fork"),
            user("Pack", "Pack goods"),
            user("Watch", "Watch for fraud"),
            end("Shipped", "Shipped"),
            end("Event", "Fraud", terminate()),
        ),
        lines="Start Fork Pack Shipped\nFork Watch Event",
        shown=("Event",),
        scenario="""
scenarios:
  - name: all is over at once
    steps:
      - complete: Watch
    expect: {ended: true, cancelled: {Pack: 1}, ended_at: [Event], active: []}
""",
    ),
    _multiple(end("Event", "Goods left", *_TWO), "end-multiple", "end", "multiple end event", ""),
)  # fmt: skip

EXAMPLES = (*THROW, *_ENDS)
