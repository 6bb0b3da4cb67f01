from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bpmn.expressions import ExpressionError, OverBudget, compile_expression
from bpmn.model import Expression, Language

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ORDER = {"total": 120, "lines": [{"sku": "a"}, {"sku": "b"}], "tags": ["new", "eu"]}


def juel(text, **variables):
    return compile_expression(Expression(Language.JUEL, text))(variables, NOW)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain text", "plain text"),
        ("${order.total > 100}", True),
        ("#{order.total gt 100 and not empty order.tags}", True),
        ("${order.total <= 100 || name == 'ann'}", True),
        ("${order.lines[1].sku}", "b"),
        ("${order['total'] / 50}", 2.4),
        ("${-order.total % 7}", -120 % 7),
        ("${order.total ge 120 ? 'big' : 'small'}", "big"),
        ("Order of ${name}: ${order.total} euros", "Order of ann: 120 euros"),
        ("\\${name}", "${name}"),
        ("${empty nothing}", True),
        ("${nothing == null}", True),
        ("${name.contains('n') && name.length() == 3}", True),
        ("${order.tags.contains('eu')}", True),
        ("${order.lines.size() != 0}", True),
        ("${name.toUpperCase().substring(0, 2)}", "AN"),
        ("${name.equals('ann')}", True),
        ("${name.matches('[a-z]+')}", True),
        ("${name.replaceAll('n', 'm')}", "amm"),
        ("${execution.getVariable('name')}", "ann"),
        ("${execution.hasVariable('name')}", True),
        ("${execution.hasVariable('nope')}", False),
        ("${'5' == 5}", True),
        ("${amount > 10.5}", True),
        ("${now().plusDays(1)}", datetime(2026, 11, 23, 12, 0, tzinfo=UTC)),
        ("${'a}b'}", "a}b"),
        ("${null > 1}", False),
        ("${JSON(raw).prop('a').numberValue() > 1}", True),
    ],
)
def test_an_expression_gives_its_value(text, value):
    assert juel(text, order=ORDER, name="ann", nothing=None, amount=Decimal("10.6"), raw='{"a": 2}') == value


def test_an_unknown_variable_is_an_error_that_names_those_in_scope():
    with pytest.raises(ExpressionError, match=r"Unknown variable 'totl'. Variables in scope: name, total\.") as raised:
        juel("${totl > 1}", total=1, name="x")

    assert raised.value.variables == ("name", "total")


@pytest.mark.parametrize(
    "text",
    [
        "${name.getClass()}",
        "${name.__class__}",
        "${name['__class__'].x}",
        "${''.getClass().forName('java.lang.Runtime')}",
        "${execution.getEngineServices()}",
        "${system('ls')}",
        "${name.format(name)}",
        "${execution.__class__}",
    ],
)
def test_there_is_no_way_from_a_value_to_its_object(text):
    with pytest.raises(ExpressionError, match=r"No (method|property)|Unknown function|has no entry"):
        juel(text, name="ann")


@pytest.mark.parametrize("text", ["${", "${1 +}", "${a b}", "${(1}", "${'open}", "${1 ? 2}", "${a.}", "${§}"])
def test_a_syntax_error_says_where(text):
    with pytest.raises(ExpressionError) as raised:
        juel(text, a=1, b=2)

    assert raised.value.position is not None


@pytest.mark.parametrize(
    "text",
    ["${" + "(" * 5000 + "1" + ")" * 5000 + "}", "${" + "!" * 5000 + "true}", "${a" + "*a" * 500 + "}"],
)
def test_what_is_too_deep_or_too_large_is_stopped(text):
    with pytest.raises(ExpressionError):
        juel(text, a=10**300)


def test_replacing_cannot_fill_the_memory():
    with pytest.raises(OverBudget):
        juel("${a.replaceAll('', a)}", a="x" * 100_000)


def test_texts_are_not_added_as_numbers():
    with pytest.raises(ExpressionError, match="Expected a number, not a text"):
        juel("${'Hello ' + name}", name="ann")


def test_an_object_of_the_engine_has_its_getters():
    failure = Expression(Language.JUEL, "${externalTask.getErrorDetails().contains('boom')}")

    assert compile_expression(failure)({"externalTask": {"errorDetails": "a boom"}}, None) is True
