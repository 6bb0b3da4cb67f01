import pytest

from bpmn.expressions import ExpressionError, compile_expression
from bpmn.model import Expression, Language


def test_a_literal_is_its_text():
    assert compile_expression(Expression(Language.LITERAL, "${not} = this"))({}) == "${not} = this"


def test_json_is_its_value_anew_each_time():
    compiled = compile_expression(Expression(Language.JSON, '{"a": [1, 2]}'))

    compiled({})["a"].append(3)

    assert compiled({}) == {"a": [1, 2]}


def test_the_same_expression_is_compiled_once():
    expression = Expression(Language.FEEL, "a + 1", line=7)

    assert compile_expression(expression) is compile_expression(Expression(Language.FEEL, "a + 1", line=7))


@pytest.mark.parametrize("language", [Language.JAVASCRIPT, Language.GROOVY])
def test_a_language_that_is_not_run_is_refused_with_a_remedy(language):
    with pytest.raises(ExpressionError, match=r"Write it in FEEL, JUEL or Python"):
        compile_expression(Expression(language, "1"))


def test_a_message_shows_the_expression_shortened():
    with pytest.raises(ExpressionError) as raised:
        compile_expression(Expression(Language.FEEL, "1 + " * 100))

    assert len(str(raised.value)) < 400
    assert "In feel expression '1 + 1" in str(raised.value)
