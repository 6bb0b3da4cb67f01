from decimal import Decimal

import pytest

from bpmn.expressions import ExpressionError, OverBudget, UnsupportedPython, compile_expression, compile_script
from bpmn.model import Expression, Language

ORDER = {"total": 120, "lines": [{"sku": "a", "price": 3}, {"sku": "b", "price": 4}], "customer": {"name": "Ann"}}


def python(text, **variables):
    return compile_expression(Expression(Language.PYTHON, text))(variables)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("order.total > 100 and name == 'x'", True),
        ("order['customer']['name'].lower()", "ann"),
        ("order.customer.name", "Ann"),
        ("[line.sku for line in order.lines if line.price > 3]", ["b"]),
        ("sum(line.price for line in order.lines)", 7),
        ("{k: v for k, v in {'a': 1}.items()}", {"a": 1}),
        ("max(1, 2) if not False else 0", 2),
        ("1 < 2 < 3", True),
        ("'a' in ['a', 'b']", True),
        ("name[::-1]", "x"),
        ("f'{order.total:>5}|{name}'", "  120|x"),
        ("', '.join(sorted(['b', 'a']))", "a, b"),
        ("rate * 2.5", Decimal("0.50")),
        ("len(range(5))", 5),
        ("order.get('nope', 3)", 3),
    ],
)
def test_an_expression_gives_pythons_value(text, value):
    assert python(text, order=ORDER, name="x", rate=Decimal("0.2")) == value


@pytest.mark.parametrize(
    "text",
    [
        "().__class__",
        "().__class__.__bases__[0].__subclasses__()",
        "x._private",
        "__import__('os')",
        "open('/etc/passwd')",
        "eval('1')",
        "getattr(x, 'y')",
        "'{0.__class__}'.format(x)",
        "'{x.__class__}'.format_map({'x': x})",
        "(lambda: 1)()",
        "lambda: 1",
        "(y := 1)",
        "[*x]",
        "print(*x)",
        "f'{x!r}'",
        "await x",
        "b'bytes'",
        "type(x)",
        "[a async for a in x]",
        "sorted(x, key=str)",
    ],
)
def test_what_is_more_than_the_subset_is_left_to_the_sandbox(text):
    with pytest.raises((UnsupportedPython, ExpressionError)) as raised:
        python(text, x=[1])

    assert raised.type in (UnsupportedPython, ExpressionError)


@pytest.mark.parametrize(
    "text",
    [
        "9 ** 9 ** 9",
        "2 ** 10_000_000",
        "1 << 10_000_000",
        "'a' * 10**9",
        "10**9 * 'a'",
        "[0] * 10**9",
        "range(10**12)",
        "list(range(10**7))",
        "[a for a in range(900000) for b in range(900000)]",
        "'a'.ljust(10**9)",
        "f'{1:>1000000000}'",
        "f'{1:{10**9}}'",
        "('a' * 1000).replace('', 'b' * 999999)",
        "str(10 ** 20000)",
        "int('9' * 100000)",
        "sum([10 ** 20000] * 900000)",
        "[['a' * 500000] for a in range(100000)]",
    ],
)
def test_an_expression_that_takes_too_much_is_stopped(text):
    with pytest.raises(OverBudget, match="budget"):
        python(text)


def test_percent_formats_no_text():
    with pytest.raises(ExpressionError, match="formats no texts"):
        python("'%1000000000d' % 1")


def test_an_object_that_is_no_dict_gives_no_attribute():
    class Secret:
        key = "s3cret"

    with pytest.raises(ExpressionError, match="No attribute 'key'"):
        python("secret.key", secret=Secret())


def test_an_unknown_name_names_those_in_scope():
    with pytest.raises(ExpressionError, match=r"Unknown variable 'totl'\. Variables in scope: total"):
        python("totl", total=1)


def test_a_syntax_error_says_where():
    with pytest.raises(ExpressionError) as raised:
        python("a + )")

    assert raised.value.position == 4


def test_a_script_gives_its_last_value_and_what_it_assigned():
    value, assigned = compile_script("""
        total = 0
        for line in order.lines:
            if line.sku == "skip":
                continue
            total += line.price
        level = "high" if total > 5 else "low"
        order["level"] = level
        total
    """)({"order": ORDER})

    assert value == 7
    assert assigned["level"] == "high"
    assert assigned["order"] == {**ORDER, "level": "high"}
    assert "level" not in ORDER


def test_a_script_changes_no_variable_in_place():
    variables = {"items": [1, 2], "box": {"a": 1}}

    _, assigned = compile_script("items[0] = 5\nbox.a = 2\nitems += [3]")(variables)

    assert variables == {"items": [1, 2], "box": {"a": 1}}
    assert assigned == {"items": [5, 2, 3], "box": {"a": 2}}


@pytest.mark.parametrize("text", ["while True: pass", "x = 'a'\nwhile True: x += x", "x = 2\nwhile True: x *= x"])
def test_a_script_that_takes_too_much_is_stopped(text):
    with pytest.raises(OverBudget, match="budget"):
        compile_script(text)({})


@pytest.mark.parametrize(
    "text",
    ["import os", "def f(): pass", "class A: pass", "try:\n  1\nexcept: 2", "with a: pass", "x.y.z = 1", "del x"],
)
def test_a_script_beyond_the_subset_is_left_to_the_sandbox(text):
    with pytest.raises(UnsupportedPython):
        compile_script(text)
