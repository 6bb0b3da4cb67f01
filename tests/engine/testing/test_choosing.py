"""`-k`: choosing scenarios by name."""

from __future__ import annotations

import pytest

from engine.testing.choosing import ChoiceError, read_choice


@pytest.mark.parametrize(
    ("expression", "name", "is_chosen"),
    [
        ("", "anything", True),
        ("large", "a Large invoice", True),
        ("large and not late", "a large late invoice", False),
        ("small or late", "a large late invoice", True),
        ("not (small or late)", "a large invoice", True),
        ("large invoice", "a large invoice", True),
        ("'invoice large'", "a large invoice", False),
    ],
)
def test_names_are_chosen_by_words_with_and_or_not(expression: str, name: str, is_chosen: bool) -> None:
    assert read_choice(expression)(name) is is_chosen


@pytest.mark.parametrize("expression", ["and", "a or", "(a", "a)", "not"])
def test_an_expression_that_cannot_be_read_is_refused(expression: str) -> None:
    with pytest.raises(ChoiceError):
        read_choice(expression)
