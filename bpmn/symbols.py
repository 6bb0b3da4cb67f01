"""The signs of BPMN 2.0 as SVG paths (clauses 7 and 10).

Signs of events, gateways and markers lie around the origin, within 10 units; those of tasks in a square of 18 units
whose top left corner is the origin.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bpmn.model import EventKind

_OPEN_ENVELOPE: Final = '<path d="M-9 -6H9V6H-9Z"/><path d="M-9 -6L0 1.5L9 -6"/>'
_FULL_ENVELOPE: Final = '<path class="full" d="M-9 -6H9V6H-9Z"/><path class="cut" d="M-9 -6L0 1.5L9 -6"/>'
_PENTAGON: Final = "M0 -9L8.6 -2.8L5.3 7.3H-5.3L-8.6 -2.8Z"
_PLUS: Final = "M-3 -9H3V-3H9V3H3V9H-3V3H-9V-3H-3Z"
_DIALS: Final = "M0 -9.5V-7.5M0 9.5V7.5M9.5 0H7.5M-9.5 0H-7.5M6.7 -6.7L5.5 -5.5M-6.7 6.7L-5.5 5.5M6.7 6.7L5.5 5.5"
_TIMER: Final = (
    f'<circle r="10"/><path d="{_DIALS}M-6.7 -6.7L-5.5 -5.5"/><path class="strong" d="M1.5 -6.5L0 0.5L4.5 2.5"/>'
)
_LINES: Final = '<path d="M-7 -9H7V9H-7Z"/><path d="M-5 -5.5H5M-5 -1.8H5M-5 1.8H5M-5 5.5H5"/>'
_OUTLINES: Final[Mapping[EventKind, str]] = {
    EventKind.SIGNAL: "M0 -9L9 6H-9Z",
    EventKind.ERROR: "M-8 8L-4 -6L2 2L8 -9L4 7L-2 -1Z",
    EventKind.ESCALATION: "M0 -9L7 8L0 1L-7 8Z",
    EventKind.COMPENSATION: "M-0.5 -6.5L-9.5 0L-0.5 6.5ZM8.5 -6.5L-0.5 0L8.5 6.5Z",
    EventKind.LINK: "M-9 -3H1V-7.5L9 0L1 7.5V3H-9Z",
    EventKind.CANCEL: "M-8 -5.5L-5.5 -8L0 -2.5L5.5 -8L8 -5.5L2.5 0L8 5.5L5.5 8L0 2.5L-5.5 8L-8 5.5L-2.5 0Z",
    EventKind.MULTIPLE: _PENTAGON,
    EventKind.PARALLEL_MULTIPLE: _PLUS,
}


def event_sign(kind: EventKind, *, throws: bool) -> str:
    """Filled for what is thrown, an outline for what is caught (10.5.1)."""
    if kind is EventKind.MESSAGE:
        return _FULL_ENVELOPE if throws else _OPEN_ENVELOPE
    if kind is EventKind.TIMER:
        return _TIMER
    if kind is EventKind.CONDITIONAL:
        return _LINES
    if kind is EventKind.TERMINATE:
        return '<circle class="full" r="9.5"/>'
    outline = _OUTLINES.get(kind)
    return f'<path class="{"full" if throws else "open"}" d="{outline}"/>' if outline else ""


GATEWAYS: Final[Mapping[str, str]] = {
    "exclusiveGateway": '<path class="heavy" d="M-6 -7.5L6 7.5M6 -7.5L-6 7.5"/>',
    "parallelGateway": '<path class="heavy" d="M0 -10V10M-10 0H10"/>',
    "inclusiveGateway": '<circle class="bold" r="10"/>',
    "complexGateway": '<path class="heavy" d="M0 -10.5V10.5M-10.5 0H10.5M-7 -7L7 7M7 -7L-7 7"/>',
    "eventBasedGateway": f'<circle r="13"/><circle r="10.5"/><path transform="scale(.72)" d="{_PENTAGON}"/>',
}
INSTANTIATING: Final = f'<circle r="12"/><path transform="scale(.8)" d="{_PENTAGON}"/>'
INSTANTIATING_ALL: Final = f'<circle r="12"/><path transform="scale(.8)" d="{_PLUS}"/>'

_TEETH: Final = (
    "M9 0.8V4M9 14V17.2M0.8 9H4M14 9H17.2M3.2 3.2L5.5 5.5M12.5 12.5L14.8 14.8M3.2 14.8L5.5 12.5M12.5 5.5L14.8 3.2"
)
TASKS: Final[Mapping[str, str]] = {
    "userTask": '<circle cx="9" cy="5" r="3.6"/><path d="M2 17C2 11.6 5.5 10.2 9 10.2S16 11.6 16 17Z"/>',
    "serviceTask": f'<path class="heavy" d="{_TEETH}"/><circle cx="9" cy="9" r="5.2"/><circle cx="9" cy="9" r="2"/>',
    "scriptTask": (
        '<path d="M5.5 1.5H15.5C11.5 5 12 7 13.5 9.2S14.5 14.5 12 16.5H2.5C6.5 13.5 6 11 4.5 8.8S3 4 5.5 1.5Z"/>'
        '<path d="M6.5 4.5H11M6 7.5H10.7M7.3 10.5H12M7 13.5H11.5"/>'
    ),
    "sendTask": '<path class="full" d="M1 4H17V15H1Z"/><path class="cut" d="M1 4L9 10.5L17 4"/>',
    "receiveTask": '<path d="M1 4H17V15H1Z"/><path d="M1 4L9 10.5L17 4"/>',
    "manualTask": (
        '<path d="M1.5 8.5L7 3.5L9 4.6L7.6 6.8H16.6V9H10M16.9 9V11.1H10M16.9 9H10M16.3 11.1V13.2H10M15.3 13.2V15.2H6'
        'L1.5 12.5Z"/>'
    ),
    "businessRuleTask": (
        '<path d="M1 3H17V15H1Z"/><path class="full" d="M1 3H17V6.5H1Z"/><path d="M1 10.7H17M6 6.5V15"/>'
    ),
}

MARKERS: Final[Mapping[str, str]] = {
    "loop": '<path class="strong" d="M-3.4 5.2A6.2 6.2 0 1 1 2.6 5.6M-7 5.6H-2.8V1.4"/>',
    "parallel": '<path class="heavy" d="M-5 -6V6M0 -6V6M5 -6V6"/>',
    "sequential": '<path class="heavy" d="M-6 -5H6M-6 0H6M-6 5H6"/>',
    "compensation": f'<path transform="scale(.75)" d="{_OUTLINES[EventKind.COMPENSATION]}"/>',
    "adHoc": '<path class="bold" d="M-7 2.5C-5.5 -3.5 -2.5 -3.5 0 0S5.5 3.5 7 -2.5"/>',
    "collapsed": '<path d="M-7 -7H7V7H-7Z"/><path d="M0 -4.5V4.5M-4.5 0H4.5"/>',
}
