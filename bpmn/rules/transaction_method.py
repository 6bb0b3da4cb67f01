"""The method of a transaction is a URI or one of the standard's values (10.3.5)."""

from __future__ import annotations

import re
from typing import Final

from bpmn.rules.review import Review, name_of

RULE: Final = "transaction-method"


_METHOD: Final = re.compile(r"##\w+|[A-Za-z][A-Za-z0-9+.-]*:[^\s]+")


def check(review: Review) -> None:
    for transaction in review.document.all("transaction"):
        method = transaction.get("method")
        if method and not _METHOD.fullmatch(method):
            message = (
                f"method '{method}' of transaction '{name_of(transaction)}' is no URI. Write ##Compensate or remove it."
            )
            review.error(RULE, transaction, message)
