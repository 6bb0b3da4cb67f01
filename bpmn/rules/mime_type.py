"""textFormat is a MIME type (8.3.1, 8.4.1)."""

from __future__ import annotations

import re
from typing import Final

from bpmn.rules.review import Review

RULE: Final = "mime-type"


_MIME: Final = re.compile(r"[\w.+-]+/[\w.+-]+(\s*;.*)?")


def check(review: Review) -> None:
    for element in review.document.all("documentation", "textAnnotation"):
        text_format = element.get("textFormat")
        if text_format and not _MIME.fullmatch(text_format):
            message = f"textFormat '{text_format}' is no MIME type. Write text/plain or remove it."
            review.strict(RULE, element, message)
