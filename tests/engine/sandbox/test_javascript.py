import json
import os
import re
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bpmn.expressions import ExpressionError
from bpmn.model import Expression, Language, Script
from engine.sandbox import Limits, ScriptError, evaluate, run_script
from engine.sandbox.javascript import problem_in
from engine.scripting import Standing

SHORT = Limits(seconds=0.3, memory=32 * 1024 * 1024, output=2_000)
AMPLE = replace(SHORT, seconds=60.0)
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Told(dict[str, Any]):
    """Variables as an instance hands them over, with what `execution` may tell."""

    facts: Mapping[str, Any] = {"processInstanceId": "i7", "processBusinessKey": "K-1", "currentActivityId": "T"}


def on_java(text: str, standing: Standing | None = None, limits: Limits = AMPLE, **variables: Any):
    return run_script(Script(Language.JAVASCRIPT, text, on_java=True), Told(variables), limits, NOW, standing)


def plain(text: str, **variables: Any):
    return run_script(Script(Language.JAVASCRIPT, text), variables, AMPLE, NOW)


def test_a_script_gives_the_value_of_its_last_statement():
    assert on_java("var total = 0; for (var i = 1; i < 4; i++) total += i; total").value == 6
    assert on_java("if (x > 3) { 'big' } else { 'small' }", x=5).value == "big"


def test_what_a_camunda_script_assigns_at_top_level_stays_its_own():
    assert on_java("x = 5; var y = 6; let z = 7").assigned == {}
    assert on_java("x = x + 1; execution.setVariable('y', x)", x=1).assigned == {"y": 2}


def test_what_a_plain_script_assigns_at_top_level_becomes_variables():
    result = plain("x = 5; var y = [x]; let z = {a: y}; const w = null; function f() { var inner = 1 } f()")

    assert result.assigned == {"x": 5, "y": [5], "z": {"a": [5]}, "w": None}


@pytest.mark.parametrize("run", [on_java, plain])
def test_a_list_or_map_changed_in_place_counts_as_assigned(run):
    order = {"lines": [1], "price": Decimal("9.90"), "every": timedelta(hours=1), "due": date(2026, 1, 2)}

    changed = run("order.lines.push(2); order.lines.length", order=order, other={"a": 1})

    assert changed.assigned == {"order": order | {"lines": [1, 2]}}
    assert isinstance(changed.assigned["order"]["price"], Decimal)
    assert order["lines"] == [1]


@pytest.mark.parametrize(
    ("given", "text", "expected"),
    [
        (Decimal("1.5"), "x * 2", 3),
        (Decimal("0.1"), "x + 0.25", 0.35),
        (2**60, "x + 1n", 2**60 + 1),
        (2**53, "x - 1", 2**53 - 1),
        (date(2026, 1, 2), "x.getTime()", 1767312000000),
        (date(2026, 1, 2), "x", date(2026, 1, 2)),
        (datetime(2026, 1, 2, 3, 4, 5, 678901, UTC), "x", datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)),
        (datetime(2026, 1, 2, tzinfo=UTC), "new Date(x.getTime() + 1000)", datetime(2026, 1, 2, 0, 0, 1, 0, UTC)),
        (timedelta(days=1), "x", "P1D"),
        (b"ab", "x[0] = 99; x", b"cb"),
        ({"$": "int", "v": "3"}, "x.$ + x.v", "int3"),
        ([1, {"a": None}], "JSON.stringify(x)", '[1,{"a":null}]'),
        (1, "new Set([x, 2])", [1, 2]),
        (1, "new Map([['a', x]])", {"a": 1}),
        (1, "Promise.resolve(x + 1)", 2),
        (1, "'\\ud800'.length === x", True),
    ],
)
def test_values_come_in_and_go_out(given: Any, text: str, expected: Any):
    found = plain(text, x=given).value

    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize("text", ["(function () {})", "var o = {}; o.o = o; o", "/a/", "new Promise(() => 1)"])
def test_what_no_variable_can_hold_is_said(text: str):
    with pytest.raises(ScriptError, match=r"cannot be kept|never kept"):
        on_java(text)


def test_the_clock_stands_and_chance_repeats():
    assert on_java("[new Date(), Date.now() === java.lang.System.currentTimeMillis()]").value == [NOW, True]
    assert on_java("Math.random()").value == on_java("Math.random()").value
    here, there = Standing(activity_id=1), Standing(activity_id=2)
    assert on_java("Math.random()", here).value != on_java("Math.random()", there).value


def test_execution_tells_of_the_instance_and_its_variables():
    text = "[execution.getProcessInstanceId(), execution.processBusinessKey, execution.getVariable('a' + 1), hidden()]"
    result = on_java(f"function hidden() {{ return execution.hasVariable('nothing') }} {text}", a1=5)

    assert result.value == ["i7", "K-1", 5, False]
    assert on_java("execution.setVariable('x', 2); x + execution.getVariable('x')", x=1).value == 4


def test_a_variable_can_be_set_in_the_scripts_own_scope():
    result = on_java("execution.setVariableLocal('a', 1); execution.getVariableLocal('b')", Standing(3), b=2)

    assert (result.local, result.value) == ({"a": 1}, None)
    assert on_java("execution.getVariableLocal('b')", Standing(3, local=("b",)), b=2).value == 2


@pytest.mark.parametrize(
    "text",
    [
        "throw new org.camunda.bpm.engine.delegate.BpmnError('LIMIT', 'too much')",
        "var E = Java.type('org.camunda.bpm.engine.delegate.BpmnError'); throw new E('LIMIT', 'too much')",
        "execution.setVariable('kept', 1); throw new BpmnError('LIMIT', 'too much')",
    ],
)
def test_a_bpmn_error_is_an_outcome(text: str):
    result = on_java(text)

    assert result.error == ("LIMIT", "too much")
    assert result.assigned == ({"kept": 1} if "kept" in text else {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("people.size() + people.get(0).name + people.get(0).get('name') + people[0].getName()", "1AnnAnnAnn"),
        ("people.get(0).setScore(5); people.get(0).score", 5),
        ("people.add(3); people.contains(3) && !people.isEmpty()", True),
        ("people.get(0).containsKey('name') && 'Ann'.equals(people.get(0).name)", True),
        ("S('{\"a\": {\"b\": [7]}}').prop('a').prop('b').elements().get(0).numberValue()", 7),
        ("var list = new java.util.ArrayList(); list.add('a'); list", ["a"]),
        ("org.camunda.bpm.engine.variable.Variables.objectValue(people).create().size()", 1),
    ],
)
def test_camunda_scripts_use_lists_and_maps_as_java_has_them(text: str, expected: Any):
    assert on_java(text, people=[{"name": "Ann"}]).value == expected


def test_plain_scripts_see_javascripts_own_objects():
    assert plain("[order.size, order.get, [].size, typeof S]", order={"a": 1}).value == [None, None, None, "undefined"]
    assert plain("java.lang.System.out.println('test')").output == "test\n"
    assert plain("var l = new java.util.ArrayList(); l.add(1); l.size() + new java.util.HashMap().size()").value == 1


def test_what_is_printed_is_kept_apart():
    assert on_java("print('a', [1]); console.log(x); java.lang.System.out.println(x)", x=5).output == "a [1]\n5\n5\n"


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("\nmissing + 1", "missing is not defined. Variables in scope: a.", 2),
        ("function f() {\n  null.x\n}\n\nf()", "cannot read property 'x' of null", 2),
        ("throw new Error('no\\nway')", "Error: no", 1),
        ("throw {code: 1}", 'The script threw {"code":1}.', None),
        ("execution.setVariable(5, 1)", "The name of a variable is a text.", 1),
        ("new java.io.File('/etc/passwd')", "cannot read property 'File' of undefined", 1),
    ],
)
def test_errors_say_what_and_where(text: str, message: str, line: int | None):
    with pytest.raises(ScriptError) as raised:
        on_java(text, a=1)

    assert message in raised.value.message or message in str(raised.value)
    assert raised.value.line == line


HOSTILE = {
    "all the time": "while (true) {}",
    "a slow pattern": "/^(a+)+$/.test('a'.repeat(40) + '!')",
    "a loop that cannot be interrupted": "new Array(1000000000) + ''",
    "promises without end": "(function f() { Promise.resolve().then(f) })()",
    "all the memory": "var a = []; while (true) a.push(new Array(100000).fill(1))",
    "a long text": "var s = 'x'; while (true) s += s",
    "a big number": "var b = 2n ** 100000n; while (true) b = b * b",
    "a deep stack": "(function f() { return f() + 1 })()",
    "a deep document": "JSON.parse('['.repeat(1000000))",
    "much output": "while (true) print('x'.repeat(1000))",
    "a huge answer": "Array.from({length: 300000}, (_, i) => i)",
    "a getter that never ends": "({get a() { while (true) {} }})",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_script_is_stopped_at_its_limits_and_the_next_one_runs(text: str):
    with pytest.raises(ScriptError):
        on_java(text, limits=SHORT)

    assert on_java("1 + 1").value == 2


@pytest.mark.parametrize(
    "text",
    [
        "typeof require + typeof process + typeof std + typeof os + typeof fetch + typeof setTimeout",
        "typeof performance + typeof WeakRef + typeof SharedArrayBuffer + typeof Atomics + typeof load + typeof alert",
    ],
)
def test_there_is_nothing_to_reach_the_world_with(text: str):
    assert on_java(text).value == "undefined" * 6


def test_a_script_cannot_leave_anything_for_the_next():
    on_java("Object.prototype.left = 1; Array.prototype.map = null; globalThis.left = 2; JSON.stringify = null")

    assert on_java("typeof left + typeof ({}).left + [1].map(x => x)").value == "undefinedundefined1"


def test_a_worker_cannot_open_files_or_sockets_even_if_a_script_took_it_over(tmp_path: Path):
    """The limits of the process, as the system tells them."""
    from engine.sandbox.javascript import pool

    worker = pool.Worker()
    try:
        worker.ask({"limits": {"seconds": 1, "memory": 32 * 1024 * 1024}, "text": "1"}, 1)
        limits = Path(f"/proc/{worker.process_id}/limits")
        if not limits.exists():
            pytest.skip("only Linux tells the limits of a process in /proc")
        told = {line[:26].strip(): line[26:47].strip() for line in limits.read_text().splitlines()}
        assert (told["Max open files"], told["Max file size"], told["Max processes"]) == ("3", "0", "0")
        assert told["Max address space"] != "unlimited"
        assert set(Path(f"/proc/{worker.process_id}/environ").read_bytes().split(b"\0")) == {b"TZ=UTC", b""}
    finally:
        worker.close()


def test_a_worker_that_dies_is_replaced():
    from engine.sandbox.javascript import pool

    on_java("1")
    for worker in pool.idle_workers():
        os.kill(worker.process_id, 9)

    assert on_java("2").value == 2


def test_many_threads_share_the_workers():
    barrier = threading.Barrier(8)

    def work(number: int) -> Any:
        barrier.wait()
        return [on_java("x * 2", x=number).value for _ in range(5)]

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(work, range(8))) == [[number * 2] * 5 for number in range(8)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_workers_of_its_own():
    on_java("1")
    child = os.fork()
    if child == 0:
        try:
            ended = 0 if on_java("40 + 2").value == 42 else 1
        except BaseException:
            ended = 2
        os._exit(ended)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert on_java("3").value == 3


def test_an_expression_gives_its_value_and_sets_nothing():
    def value(text: str, **variables: Any) -> Any:
        return evaluate(Expression(Language.JAVASCRIPT, text), Told(variables), NOW)

    assert value("amount > 100 && customer.startsWith('A')", amount=Decimal(120), customer="Ann") is True
    assert value("var limit = 5; amount > limit", amount=6) is True
    for text in ("execution.setVariable('x', 1)", "items.push(2) > 1", "throw new BpmnError('E')", "nothing"):
        with pytest.raises(ExpressionError, match=r"cannot (set|throw)|not defined"):
            value(text, items=[1])


PAGE = (Path(__file__).parents[3] / "docs" / "expressions.md").read_text("utf-8")
EXAMPLES = [
    re.split(r"\s+=>\s+(?=\S+$)", line)
    for block in re.findall(r"```javascript\n(.*?)```", PAGE, re.DOTALL)
    for line in block.strip().splitlines()
]


@pytest.mark.parametrize(("text", "value"), EXAMPLES)
def test_an_example_of_the_page_on_expressions_gives_what_it_says(text: str, value: str):
    (variables,) = re.findall(r"```json variables\n(.*?)```", PAGE, re.DOTALL)

    assert evaluate(Expression(Language.JAVASCRIPT, text), json.loads(variables), NOW) == json.loads(value)


def test_a_text_is_checked_without_being_run():
    assert problem_in("while (true) {}") is None
    assert problem_in("let a = 1;\nlet a = 2;") == (
        "Not valid JavaScript: invalid redefinition of lexical identifier (line 2 of the text)."
    )
    assert "line 1" in (problem_in("foo(") or "")
    assert "longer than" in (problem_in("x" * 200_001) or "")
