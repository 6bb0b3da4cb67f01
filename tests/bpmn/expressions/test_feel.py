from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from bpmn.expressions import ExpressionError, OverBudget, YearMonthDuration, compile_expression, compile_unary_tests
from bpmn.model import Expression, Language

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def feel(text, **variables):
    return compile_expression(Expression(Language.FEEL, text))(variables, NOW)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7),
        ("0.1 + 0.2", Decimal("0.3")),
        ("2 ** 10", 1024),
        ("-3 ** 2", 9),
        ('"a" + "b"', "ab"),
        ("10 / 4", Decimal("2.5")),
        ("1 / 0", None),
        ('1 + "a"', None),
        ("true and null", None),
        ("false and null", False),
        ("true or null", True),
        ("1 = null", False),
        ('1 = "1"', None),
        ("if null then 1 else 2", 2),
        ("5 between 1 and 5", True),
        ("5 in [1..5)", False),
        ("5 in (< 3, > 4)", True),
        ("5 in ]4..6[", True),
        ("[1, 2, 3][2]", 2),
        ("[1, 2, 3][-1]", 3),
        ("[1, 2, 3][item > 1]", [2, 3]),
        ("for i in 3..1 return i", [3, 2, 1]),
        ("for x in [1, 2], y in [10, 20] return x * y", [10, 20, 20, 40]),
        ("for i in 1..4 return if i = 1 then 1 else sum(partial)", [1, 1, 2, 4]),
        ("some x in [1, 2] satisfies x > 1", True),
        ("every x in [1, 2] satisfies x > 1", False),
        ("{a: 1, b: a + 1}.b", 2),
        ('{"a b": 1}.a b', 1),
        ("{total price: 2, double: total price * 2}.double", 4),
        ("(function(a, b) a - b)(b: 1, a: 3)", 2),
        ("{f: function(n) if n < 2 then 1 else n * f(n - 1), r: f(5)}.r", 120),
        ('substring(string: "foobar", start position: 4)', "bar"),
        ('string length("\\U01F40E")', 1),
        ("sort([3, 1, 2], function(x, y) x > y)", [3, 2, 1]),
        ("1 instance of number", True),
        ('@"2026-01-31" + @"P1M"', date(2026, 2, 28)),
        ('@"2026-03-01" - @"2026-02-01"', timedelta(days=28)),
        ('duration("P1Y2M")', YearMonthDuration(14)),
        ('date and time("2026-03-29T01:30:00@Europe/Berlin") + duration("PT1H") > @"2026-03-29T02:00:00+02:00"', True),
        ('@"2026-11-22T10:00:00@Europe/Paris".timezone', "Europe/Paris"),
        ("now()", NOW),
        ("today()", date(2026, 11, 22)),
        ('get or else(null, "x")', "x"),
        ("is defined(nothing)", False),
        ('context put({a: 1}, "b", 2)', {"a": 1, "b": 2}),
        ("context merge([{a: 1}, {b: 2}])", {"a": 1, "b": 2}),
        ('matches("abc", "^[a-z]+$")', True),
        ('replace("abcd", "(ab)", "[$1]")', "[ab]cd"),
        ("/* a comment */ 1 // another", 1),
    ],
)
def test_an_expression_gives_the_value_that_feel_defines(text, value):
    assert feel(text) == value


def test_variables_come_in_as_plain_values_and_whole_numbers_leave_as_int():
    value = feel("order.total * 2", order={"total": 21})

    assert value == 42
    assert type(value) is int


def test_a_float_counts_as_the_decimal_that_it_shows():
    assert feel("price = 0.1", price=0.1) is True


def test_an_unknown_variable_is_null():
    assert feel("missing = null") is True
    assert feel("missing.part[1]") is None


def test_a_filter_sees_the_items_entries_before_the_variables_of_the_same_name():
    assert feel("items[price > limit].name", limit=5, items=[{"name": "a", "price": 4}, {"name": "b", "price": 9}]) == [
        "b"
    ]


def test_a_name_with_spaces_is_read_without_announcing_it():
    assert feel("monthly salary * 12", **{"monthly salary": 100}) == 1200


def test_a_variable_may_share_its_name_with_a_function():
    assert feel('date > date("2026-01-01")', date=date(2026, 2, 1)) is True


@pytest.mark.parametrize(
    ("cell", "value", "matches"),
    [
        ("-", 1, True),
        ('"a", "b"', "b", True),
        ('not("a", "b")', "b", False),
        ("[1..5]", 3, True),
        ("> 10", 3, False),
        ("? > 1 and ? < 5", 3, True),
        ("true", False, False),
        ("limit", 7, True),
    ],
)
def test_a_decision_tables_cell_tests_its_input(cell, value, matches):
    assert compile_unary_tests(Expression(Language.FEEL, cell))(value, {"limit": 7}) is matches


@pytest.mark.parametrize(
    ("text", "position"), [("1 +", 3), ("(1", 2), ("a b c +", 7), ('"open', 0), ("1 § 2", 2), ("if a then b", 11)]
)
def test_a_syntax_error_says_where(text, position):
    with pytest.raises(ExpressionError) as raised:
        feel(text)

    assert raised.value.position == position
    assert raised.value.expression.text == text


@pytest.mark.parametrize(
    "text",
    [
        "for a in 1..1000, b in 1..1000, c in 1..1000 return a",
        "count(for i in 1..1000000000 return i)",
        'for i in 1..60 return if i = 1 then "ab" else partial[-1] + partial[-1]',
        "flatten(for i in 1..60 return if i = 1 then [1] else [partial[-1], partial[-1]])",
        "for i in 1..60 return if i = 1 then [1] else [partial[-1], partial[-1]]",
        "string(for i in 1..60 return if i = 1 then [1] else [partial[-1], partial[-1]])",
        "{f: function(n) f(n + 1), r: f(1)}.r",
        'matches("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "(a|a|aa)+$")',
        "some x in 1..100000000 satisfies x < 0",
    ],
)
def test_an_expression_that_takes_too_much_is_stopped(text):
    with pytest.raises(OverBudget, match="exceeded its budget"):
        feel(text)


@pytest.mark.parametrize(
    "text", ["(" * 5000 + "1" + ")" * 5000, "[" * 60 + "1..", "-" * 5000 + "1", "not(" * 3000, "{a:" * 300]
)
def test_a_text_that_is_nested_too_deeply_is_refused(text):
    with pytest.raises(ExpressionError):
        feel(text)


def test_a_sum_too_long_for_the_stack_is_refused():
    with pytest.raises(ExpressionError, match="deep"):
        feel("+".join(["1"] * 20_000))


def test_a_function_cannot_leave_as_a_value():
    with pytest.raises(ExpressionError, match="cannot be a variable"):
        feel("function(x) x")
