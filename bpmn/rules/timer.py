"""A timer has one time, in a form that can be computed (10.5.5, ISO 8601)."""

from __future__ import annotations

import re
from typing import Final

from bpmn.document import Element
from bpmn.model import Language, Timer, TimerKind
from bpmn.rules.review import Review, name_of

RULE: Final = "timer"


DURATION: Final = re.compile(
    r"-?P(?=.)(\d+([.,]\d+)?Y)?(\d+([.,]\d+)?M)?(\d+([.,]\d+)?W)?(\d+([.,]\d+)?D)?"
    r"(T(?=.)(\d+([.,]\d+)?H)?(\d+([.,]\d+)?M)?(\d+([.,]\d+)?S)?)?"
)
_DATE: Final = re.compile(
    r"[+-]?\d{4}-?\d\d-?\d\d([T ]\d\d(:?\d\d(:?\d\d([.,]\d+)?)?)?(Z|[+-]\d\d(:?\d\d)?)?(\[[\w/+-]+\])?)?"
)
_CYCLE: Final = re.compile(rf"R\d*/((({_DATE.pattern})/)?{DURATION.pattern}|{DURATION.pattern}/{_DATE.pattern})")
_CRON: Final = re.compile(r"((CRON_)?TZ=[\w/+-]+\s+)?(@\w+|([\d*?,/#LWA-Za-z-]+\s+){4,6}[\d*?,/#LWA-Za-z-]+)")


def check(review: Review) -> None:
    for element in review.document.all("timerEventDefinition"):
        times = [child for child in element.children if child.name in ("timeDate", "timeDuration", "timeCycle")]
        if not [child for child in times if child.text.strip()]:
            review.error(RULE, element, "The timer has no time. Give it a date, a duration or a cycle, such as PT15M.")
        elif len(times) > 1:
            review.error(
                RULE, element, f"The timer has {len(times)} times. Keep one of {', '.join(t.name for t in times)}."
            )
    for _, node, element in review.model_nodes():
        for part in (node.event, *(node.event.parts if node.event else ())):
            if part is not None and part.timer is not None:
                _check_text(review, element, part.timer)


def _check_text(review: Review, element: Element, timer: Timer) -> None:
    text = timer.value.text
    if timer.value.language not in (Language.LITERAL, Language.PYTHON) or _is_valid(timer.kind, text):
        return
    if timer.value.language is Language.PYTHON and not text.isidentifier():
        return  # an expression: its value is checked when the timer starts
    examples = {TimerKind.DATE: "2030-12-24T18:00:00Z", TimerKind.DURATION: "PT15M", TimerKind.CYCLE: "R3/PT10M"}
    message = (
        f"'{text}' of '{name_of(element)}' is no {timer.kind} of ISO 8601. Write it like {examples[timer.kind]}, "
        "or as an expression."
    )
    review.error(RULE, element, message)


def _is_valid(kind: TimerKind, text: str) -> bool:
    match kind:
        case TimerKind.DATE:
            return _DATE.fullmatch(text) is not None
        case TimerKind.DURATION:
            return DURATION.fullmatch(text) is not None
        case TimerKind.CYCLE:
            return any(form.fullmatch(text) for form in (_CYCLE, _CRON, DURATION))
