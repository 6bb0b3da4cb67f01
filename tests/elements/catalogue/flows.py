"""Gateways, conditions and defaults, forks and merges that are not drawn."""

from __future__ import annotations

from tests.elements.dialects import X
from tests.elements.example import Example, Node, Part, Parts
from tests.elements.vocabulary import (
    catch,
    end,
    fixed,
    gateway,
    message,
    signal,
    start,
    timer,
    user,
)


def _ask(id: str, title: str, says: str, nodes: tuple[Node, ...], lines: str, shown: tuple[str, ...], scenario: str,
         **rest: object) -> Example:  # fmt: skip
    return Example(id, "gateway", title, says, nodes, lines, scenario, shown, **rest)  # type: ignore[arg-type]


def _activated() -> Part:
    condition = X("activationCount >= 2")
    return lambda dialect: Parts(body=[dialect.formal("activationCondition", condition)])


_EXCLUSIVE = (
    _ask(
        "exclusive-gateway",
        "exclusive gateway",
        "The first condition that holds, in the order in which the flows stand in the file, takes the token. No "
        "condition and no default: an incident. As a merge it passes each token on.",
        (
            start("Order placed"),
            gateway("exclusive", "Size", "Amount?"),
            user("Approve", "Approve order"),
            user("Check", "Check order"),
            gateway("exclusive", "Merge"),
            end("Done", "Decided"),
        ),
        "Start Size ?over_1000 Approve Merge Done\nSize ?over_100 Check Merge",
        ("Size", "Merge"),
        """
scenarios:
  - name: the first condition that holds counts
    start: {variables: {amount: 1200}}
    steps:
      - expect: {active: [Approve]}
      - complete: Approve
    expect: {state: completed, ended_at: [Done]}
  - name: none holds
    start: {variables: {amount: 20}}
    expect: {state: running, incidents: [{element: Size}]}
""",
        conditions={"over_1000": "amount > 1000", "over_100": "amount > 100"},
    ),
    _ask(
        "exclusive-gateway-default",
        "exclusive gateway with a default flow",
        "The default flow is taken when no condition holds.",
        (
            start("Order placed"),
            gateway("exclusive", "Size", "Amount?"),
            user("Approve", "Approve order"),
            end("Approved", "Approved"),
            end("Passed", "Passed"),
        ),
        "Start Size ?over_1000 Approve Approved\nSize /else Passed",
        ("Size", "Flow_Size_Passed"),
        """
scenarios:
  - name: no condition holds
    start: {variables: {amount: 20}}
    expect: {state: completed, ended_at: [Passed]}
  - name: a condition holds
    start: {variables: {amount: 1200}}
    expect: {active: [Approve]}
""",
        conditions={"over_1000": "amount > 1000"},
    ),
)

_INCLUSIVE = _ask(
    "inclusive-gateway",
    "inclusive gateway",
    "Every flow whose condition holds is taken, the default where none does. As a join it waits for exactly the tokens "
    "that can still reach it, in loops too.",
    (
        start("Order placed"),
        gateway("inclusive", "Extras", "Extras?"),
        user("Wrap", "Wrap as a gift"),
        user("Engrave", "Engrave name"),
        gateway("inclusive", "Join"),
        end("Done", "Ready"),
    ),
    "Start Extras ?gift Wrap Join Done\nExtras ?name Engrave Join\nExtras /none Join",
    ("Extras", "Join"),
    """
scenarios:
  - name: both are wanted
    start: {variables: {gift: true, name: Ann}}
    steps:
      - expect: {active: [Engrave, Wrap]}
      - complete: Wrap
        expect: {active: [Engrave], not_visited: [Done]}
      - complete: Engrave
    expect: {state: completed, visits: {Done: 1}}
  - name: one is wanted, and nothing else is waited for
    start: {variables: {gift: true, name: ""}}
    steps:
      - complete: Wrap
    expect: {state: completed, visits: {Done: 1}}
  - name: nothing is wanted
    start: {variables: {gift: false, name: ""}}
    expect: {state: completed, not_visited: [Wrap, Engrave]}
""",
    conditions={"gift": "gift", "name": X("name != ''", feel='name != ""', juel="name != ''")},
)

_PARALLEL = _ask(
    "parallel-gateway",
    "parallel gateway",
    "A fork sends a token along every flow, a join waits for one from every flow.",
    (
        start("Order placed"),
        gateway("parallel", "Fork"),
        user("Pack", "Pack goods"),
        user("Bill", "Write bill"),
        gateway("parallel", "Join"),
        end("Done", "Shipped"),
    ),
    "Start Fork Pack Join Done\nFork Bill Join",
    ("Fork", "Join"),
    """
scenarios:
  - name: the join waits for both
    steps:
      - expect: {active: [Bill, Pack]}
      - complete: Bill
        expect: {active: [Pack], not_visited: [Done]}
      - complete: Pack
    expect: {state: completed, visits: {Done: 1}}
""",
)

_COMPLEX = _ask(
    "complex-gateway",
    "complex gateway",
    "Goes on when its activation condition holds; `activationCount` is the number of tokens that have come. Later ones "
    "are taken in, and it starts afresh when all have come.",
    (
        start("Offer wanted"),
        gateway("parallel", "Ask"),
        user("First", "Ask supplier 1"),
        user("Second", "Ask supplier 2"),
        user("Third", "Ask supplier 3"),
        gateway("complex", "Enough", "Two of three", _activated()),
        user("Choose", "Choose"),
        end("Done", "Chosen"),
    ),
    "Start Ask First Enough Choose Done\nAsk Second Enough\nAsk Third Enough",
    ("Enough",),
    """
scenarios:
  - name: two answers of three are enough
    steps:
      - complete: Third
        expect: {active: [First, Second]}
      - complete: First
        expect: {active: [Choose, Second]}
      - complete: Second
        expect: {active: [Choose], visits: {Choose: 1}}
      - complete: Choose
    expect: {state: completed}
""",
)

_EVENT = _ask(
    "event-based-gateway",
    "event-based gateway",
    "The event that comes first takes the token, the others are no longer waited for.",
    (
        start("Bill sent"),
        gateway("eventBased", "Wait"),
        catch("Paid", "Paid", message("Payment", "order")),
        catch("Late", "14 days", timer("Duration", "P14D")),
        catch("Ruined", "Customer ruined", signal("Ruin")),
        end("Closed", "Closed"),
        end("Reminded", "Reminded"),
        end("WrittenOff", "Written off"),
    ),
    "Start Wait Paid Closed\nWait Late Reminded\nWait Ruined WrittenOff",
    ("Wait",),
    """
scenarios:
  - name: the payment comes first
    start: {variables: {order: o-1}}
    steps:
      - expect: {active: [Wait]}
      - message: Payment
        correlate: {order: o-1}
      - advance: P15D
    expect: {state: completed, ended_at: [Closed], not_visited: [Late]}
  - name: nothing comes for two weeks
    start: {variables: {order: o-1}}
    steps:
      - advance: P14D
    expect: {state: completed, ended_at: [Reminded]}
""",
)


def _starting(id: str, title: str, says: str, marks: Part, scenario: str) -> Example:
    return _ask(
        id,
        title,
        says,
        (
            gateway("eventBased", "Begin", "", marks),
            catch("Order", "Order", message("Order")),
            catch("Payment", "Payment", message("Payment")),
            user("Pack", "Pack goods"),
            end("Done", "Packed"),
        ),
        "Begin Order Pack Done\nBegin Payment Pack",
        ("Begin",),
        scenario,
    )


_STARTING = (
    _starting(
        "event-based-gateway-start",
        "event-based gateway that starts the process",
        "With `instantiate`: each of the events behind it starts an instance.",
        fixed(instantiate="true"),
        """
scenarios:
  - name: each message starts an instance
    start: {message: {name: Order}}
    steps:
      - message: Payment
    expect: {active: [Pack, Pack], instances: {event-based-gateway-start: 2}}
""",
    ),
    _starting(
        "event-based-gateway-start-parallel",
        "parallel event-based gateway that starts the process",
        "The first of its events starts the instance, which then waits for each of the others.",
        fixed(instantiate="true", eventGatewayType="Parallel"),
        """
scenarios:
  - name: all events belong to one instance
    start: {message: {name: Order}}
    steps:
      - expect: {instances: {event-based-gateway-start-parallel: 1}}
      - message: Payment
    expect: {instances: {event-based-gateway-start-parallel: 1}, visited: [Order, Payment]}
""",
    ),
)

_FLOWS = (
    Example(
        id="conditional-flow",
        group="gateway",
        title="conditional and default flows from an activity",
        says="A choice without a gateway, as at an inclusive one: every flow whose condition holds is taken, the "
        "default where none does.",
        nodes=(
            start("Order placed"),
            user("Check", "Check order"),
            user("Approve", "Approve order"),
            user("Insure", "Insure parcel"),
            end("Done", "Checked"),
            end("Approved", "Approved"),
            end("Insured", "Insured"),
        ),
        lines="Start Check ?over_1000 Approve Approved\nCheck ?fragile Insure Insured\nCheck /else Done",
        conditions={"over_1000": "amount > 1000", "fragile": "fragile"},
        shown=("Flow_Check_Approve", "Flow_Check_Insure", "Flow_Check_Done"),
        scenario="""
scenarios:
  - name: both conditions hold
    start: {variables: {amount: 1200, fragile: true}}
    steps:
      - complete: Check
        expect: {active: [Approve, Insure], not_visited: [Done]}
  - name: none holds
    start: {variables: {amount: 20, fragile: false}}
    steps:
      - complete: Check
    expect: {state: completed, ended_at: [Done]}
""",
    ),
    Example(
        id="implicit-fork",
        group="gateway",
        title="several flows out of an activity, without a gateway",
        says="A fork: a token goes along each.",
        nodes=(
            start("Order placed"),
            user("Check", "Check order"),
            user("Pack", "Pack goods"),
            user("Bill", "Write bill"),
            end("Packed", "Packed"),
            end("Billed", "Billed"),
        ),
        lines="Start Check Pack Packed\nCheck Bill Billed",
        shown=("Flow_Check_Pack", "Flow_Check_Bill"),
        scenario="""
scenarios:
  - name: both flows are taken
    steps:
      - complete: Check
        expect: {active: [Bill, Pack]}
      - complete: Pack
        expect: {state: running}
      - complete: Bill
    expect: {state: completed, ended_at: [Packed, Billed]}
""",
    ),
    Example(
        id="implicit-merge",
        group="gateway",
        title="several flows into an activity, without a gateway",
        says="A merge: each token that comes runs the activity once.",
        nodes=(
            start("Order placed"),
            gateway("parallel", "Fork"),
            user("Pack", "Pack goods"),
            user("Bill", "Write bill"),
            user("Send", "Send"),
            end("Done", "Sent"),
        ),
        lines="Start Fork Pack Send Done\nFork Bill Send",
        shown=("Flow_Pack_Send", "Flow_Bill_Send"),
        scenario="""
scenarios:
  - name: it is done once for each token
    steps:
      - complete: Pack
        expect: {active: [Bill, Send]}
      - complete: Bill
        expect: {active: [Send, Send]}
      - complete: Send
      - complete: Send
    expect: {state: completed, visits: {Send: 2, Done: 2}}
""",
    ),
)

EXAMPLES = (*_EXCLUSIVE, _INCLUSIVE, _PARALLEL, _EVENT, *_STARTING, _COMPLEX, *_FLOWS)
