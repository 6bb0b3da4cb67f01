"""XPath conditions, as BPMN's own functions for data make them."""

from __future__ import annotations

import pytest

from bpmn.expressions import ExpressionError, compile_expression
from bpmn.expressions.xpath import is_xpath
from bpmn.model import Expression, Language

VARIABLES = {"approved": True, "clarified": "yes", "order": {"total": 12.5, "lines": ["a", "b"]}, "note": "", "n": 3}


def value(text: str) -> object:
    return compile_expression(Expression(Language.XPATH, text))(VARIABLES)


@pytest.mark.parametrize(
    "text",
    [
        "bpmn:getDataObject('approved')",
        "not(bpmn:getDataObject('missing'))",
        "bpmn:getDataObject('clarified') = 'yes' and getDataObject('approved') = true()",
        "getDataObject('p', 'clarified') != \"no\"",
        "getDataObject('order')/total * 2 >= 25",
        "getDataObject('order')/ns:lines = 'b' and count(getDataObject('order')/lines) = 2",
        "getDataObject('n') = '3' or 1 div 0 = 1",
        "(7 mod 4) - 1 = -(-2)",
        "contains(concat(getDataOutput('clarified'), '!'), 's!')",
        "getDataObject('approved') = 'true'",
        "not(getDataObject('missing') = 'x') and not(getDataObject('missing') != 'x')",
        "string-length(getDataInput('note')) = 0 and not(boolean(getDataInput('note')))",
        "not('x' < 1) and 'x' != 1",
    ],
)
def test_it_is_true(text):
    assert value(text) is True


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("approved", 0, "a function such as getDataObject"),
        ("getDataObject('a') = ", 20, "is expected"),
        ("getDataObject(1)", 0, "takes the name of the data"),
        ("getDataObject('a') 'b'", 19, "ends before this"),
        ("id('a')", 0, "function 'id' is not run here"),
        ("getDataObject('a')/@x", 19, "Not XPath"),
        ("not('a', 'b')", 0, "2 arguments"),
    ],
)
def test_what_is_not_run_is_refused_with_its_place(text, position, message):
    with pytest.raises(ExpressionError, match=message) as refused:
        value(text)
    assert refused.value.position == position


def test_deep_nesting_is_refused():
    with pytest.raises(ExpressionError, match="nested too deeply"):
        value("(" * 1000 + "1" + ")" * 1000)


def test_only_the_functions_of_bpmn_tell_that_a_text_is_xpath():
    assert is_xpath("not(bpmn:getDataObject('approved'))")
    assert not is_xpath("task.getDataObject('x')")
    assert not is_xpath("approved = 'yes'")
