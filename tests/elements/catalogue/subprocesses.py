"""Embedded and ad-hoc subprocesses, transactions."""

from __future__ import annotations

from tests.elements.example import Example, Part
from tests.elements.vocabulary import (
    both,
    boundary,
    compensation,
    completed_when,
    end,
    error,
    extensions,
    fixed,
    gateway,
    service,
    start,
    sub,
    undoing,
    user,
)

_EMBEDDED = Example(
    id="subprocess",
    group="subprocess",
    title="embedded subprocess",
    says="A scope of its own: it ends when all in it has ended, and boundary events hold for all that is in it.",
    nodes=(
        start("Order placed"),
        sub(
            "Prepare",
            "Prepare order",
            "PrepareStarted Fork Pack Packed\n. Fork Bill Billed",
            start(id="PrepareStarted"),
            gateway("parallel", "Fork"),
            user("Pack", "Pack goods"),
            user("Bill", "Write bill"),
            end("Packed", "Packed"),
            end("Billed", "Billed"),
        ),
        boundary("Withdrawn", "Withdrawn", "Prepare", error("WITHDRAWN")),
        end("Done", "Prepared"),
        end("Stopped", "Stopped"),
    ),
    lines="Start Prepare Done\nWithdrawn Stopped",
    shown=("Prepare",),
    scenario="""
scenarios:
  - name: it goes on when all in it has ended
    steps:
      - complete: Pack
        expect: {active: [Bill], not_visited: [Done]}
      - complete: Bill
    expect: {state: completed, ended_at: [Packed, Billed, Done]}
  - name: an error inside ends all of it
    steps:
      - task_error: Pack
        code: WITHDRAWN
    expect: {state: completed, cancelled: {Prepare: 1, Bill: 1}, ended_at: [Stopped]}
""",
)


_ALL_BEGIN = '<zeebe:adHoc activeElementsCollection="=[&quot;Photos&quot;, &quot;Call&quot;, &quot;Visit&quot;]"/>'


def _ad_hoc(id: str, title: str, says: str, marks: Part, scenario: str) -> Example:
    return Example(
        id=id,
        group="subprocess",
        title=title,
        says=says,
        nodes=(
            start("Claim received"),
            sub(
                "Assess",
                "Assess claim",
                "Photos\nCall\nVisit",
                user("Photos", "Look at photos"),
                user("Call", "Call customer"),
                user("Visit", "Visit site"),
                parts=(marks, extensions(camunda8=_ALL_BEGIN)),
                tag="adHocSubProcess",
            ),
            end("Done", "Assessed"),
        ),
        lines="Start Assess Done",
        shown=("Assess",),
        scenario=scenario,
    )


_CLEAR = completed_when("clear")
_AD_HOC = (
    _ad_hoc(
        "ad-hoc-subprocess",
        "ad-hoc subprocess",
        "Its activities may be done in any order, all at once. It is over when its condition holds after one of them "
        "has been done: then the rest is ended.",
        _CLEAR,
        """
scenarios:
  - name: the rest is not needed once all is clear
    start: {variables: {clear: false}}
    steps:
      - expect: {active: [Call, Photos, Visit]}
      - complete: Call
        expect: {active: [Photos, Visit]}
      - complete: Photos
        variables: {clear: true}
    expect: {state: completed, completed: {Call: 1, Photos: 1}, cancelled: {Visit: 1}}
""",
    ),
    _ad_hoc(
        "ad-hoc-subprocess-sequential",
        "ad-hoc subprocess, sequential",
        'With `ordering="Sequential"`: one activity at a time.',
        both(fixed(ordering="Sequential"), _CLEAR),
        """
scenarios:
  - name: one after the other
    start: {variables: {clear: false}}
    steps:
      - expect: {active: [Photos]}
      - complete: Photos
        expect: {active: [Call]}
      - complete: Call
        variables: {clear: true}
    expect: {state: completed, visited: [Photos, Call], not_visited: [Visit]}
""",
    ),
    _ad_hoc(
        "ad-hoc-subprocess-finishing",
        "ad-hoc subprocess that lets the rest be finished",
        'With `cancelRemainingInstances="false"`: when its condition holds, what has begun is still finished.',
        both(fixed(cancelRemainingInstances="false"), _CLEAR),
        """
scenarios:
  - name: what has begun is finished
    start: {variables: {clear: false}}
    steps:
      - complete: Call
        variables: {clear: true}
        expect: {active: [Photos, Visit]}
      - complete: Photos
      - complete: Visit
    expect: {state: completed, completed: {Call: 1, Photos: 1, Visit: 1}}
""",
    ),
)

_TRANSACTION = Example(
    id="transaction",
    group="subprocess",
    title="transaction",
    says="A subprocess that can be cancelled as a whole: what was done in it is undone (see the cancel end event). An "
    "error ends it without undoing anything.",
    nodes=(
        start("Trip planned"),
        sub(
            "Book",
            "Book trip",
            "BookStarted BookHotel Agree Booked\nUndoHotel ~ CancelHotel",
            start(id="BookStarted"),
            service("BookHotel", "Book hotel", "book-hotel"),
            boundary("UndoHotel", "", "BookHotel", compensation()),
            user("Agree", "Agree with customer"),
            end("Booked", "Booked"),
            undoing(service("CancelHotel", "Cancel hotel", "cancel-hotel")),
            tag="transaction",
        ),
        boundary("Failed", "Failed", "Book", error("FAILED")),
        end("Done", "Trip booked"),
        end("NoTrip", "No trip"),
    ),
    lines="Start Book Done\nFailed NoTrip",
    shown=("Book",),
    scenario="""
stubs:
  book-hotel: {}
  cancel-hotel: {}
scenarios:
  - name: all of it is done
    steps:
      - complete: Agree
    expect: {state: completed, ended_at: [Booked, Done], stub_order: [book-hotel]}
  - name: an error ends it and undoes nothing
    steps:
      - task_error: Agree
        code: FAILED
    expect: {state: completed, ended_at: [NoTrip], stub_order: [book-hotel]}
""",
)

EXAMPLES = (_EMBEDDED, *_AD_HOC, _TRANSACTION)
