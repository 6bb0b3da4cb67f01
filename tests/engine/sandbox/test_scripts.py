import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bpmn.expressions import ExpressionError
from bpmn.model import Expression, Language, Script
from engine.sandbox import Limits, ScriptError, evaluate, run_script
from engine.sandbox.pool import close_pool, sandbox_pool

SHORT = Limits(seconds=0.3, memory=32 * 1024 * 1024, output=2_000)
AMPLE = replace(SHORT, seconds=60.0)
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def run(text, limits=AMPLE, **variables):
    return run_script(Script(Language.PYTHON, text), variables, limits, NOW)


def test_a_simple_script_gives_its_value_and_what_it_assigned():
    result = run("total = price * 2\ntotal", price=Decimal("1.5"))

    assert result.value == Decimal("3.0")
    assert result.assigned == {"total": Decimal("3.0")}


def test_a_script_beyond_the_subset_runs_in_the_sandbox():
    result = run(
        "import json\n\ndef double(x):\n    return x * 2\n\nvalue = double(21)\nprint('done')\njson.dumps([value])"
    )

    assert result.value == "[42]"
    assert result.assigned == {"value": 42}
    assert result.output == "done\n"


def test_a_variable_changed_in_place_counts_as_assigned():
    items = [1]

    result = run("items.append(2)\nother.get('a')", items=items, other={"a": 1})

    assert result.assigned == {"items": [1, 2]}
    assert items == [1]


def test_names_local_to_functions_and_comprehensions_stay_there():
    result = run("def f():\n    inner = 1\n    return inner\nx = [f() for each in range(2)]")

    assert result.assigned == {"x": [1, 1]}


def test_the_sandboxs_clock_stands_at_the_time_of_the_command():
    assert run("import datetime\ndatetime.datetime.now(datetime.timezone.utc)").value == NOW


def test_the_modules_that_spiffworkflow_hands_to_scripts_are_there_without_an_import():
    script = Script(Language.PYTHON, "due = datetime.datetime(2026, 1, 5) + timedelta(days=days)\nup = math.ceil(1.2)")

    assert run_script(script, {"days": 2}).assigned == {"due": datetime(2026, 1, 7), "up": 2}
    assert evaluate(Expression(Language.PYTHON, "timedelta(hours=h)"), {"h": 2}) == timedelta(hours=2)
    assert run_script(Script(Language.PYTHON, "x = time + 1"), {"time": 1}).assigned == {"x": 2}


def test_random_numbers_repeat_for_the_same_command():
    assert run("import random\nrandom.random()").value == run("import random\nrandom.random()").value


def test_dates_and_decimals_go_in_and_come_out():
    result = run("import json\nlater = due\namount = amount + 1", due=NOW, amount=Decimal("0.1"))

    assert result.assigned == {"later": NOW, "amount": Decimal("1.1")}


def test_entries_of_a_map_are_read_and_set_by_attribute_also_in_the_sandbox():
    result = run(
        "import json\norder.level = json.loads(order.raw)['a'] + order.total", order={"raw": '{"a": 1}', "total": 2}
    )

    assert result.assigned["order"]["level"] == 3


@pytest.mark.parametrize(
    "text",
    [
        "import os\nos.environ['PATH']",
        "import os\nos.system('id')",
        "open('/etc/passwd').read()",
        "open('/tmp/fermata-escape', 'w').write('x')",
        "import socket\nsocket.socket()",
        "import subprocess",
        "import ctypes",
        "import sys\nsys.modules['os']",
        "().__class__.__bases__[0].__subclasses__()",
        "(lambda: 0).__globals__",
        "def f(): pass\nf.__globals__['__builtins__']",
        "__builtins__['open']",
        "__import__('os').getpid()",
        "import pathlib\npathlib.Path('/etc/passwd').read_text()",
        "'{0.__class__.__mro__}'.format(1)",
        "exec('import socket')",
        "import pydantic_monty",
        "import os\nx = {}\nx.y = 1\nos.environ",
        "x = {}\nx.y = 1\nx.__class__.__mro__",
    ],
)
def test_an_escape_attempt_fails(text):
    with pytest.raises(ScriptError):
        run(text)


def test_code_from_text_stays_in_the_sandbox():
    with pytest.raises(ScriptError):
        run("eval('open(\"/etc/passwd\").read()')")


@pytest.mark.parametrize("text", ["while True: pass", "def f():\n    while True:\n        pass\nf()"])
def test_an_endless_loop_is_stopped_in_time(text):
    with pytest.raises(ScriptError, match=r"ran longer than its limit of 0\.3 s"):
        run(text, SHORT)


@pytest.mark.parametrize(
    "text", ["def f():\n    return [0] * 10**9\nf()", "import math\nx = 'a' * 10**11", "import math\n9**9**9"]
)
def test_a_memory_bomb_is_stopped(text):
    with pytest.raises(ScriptError, match="more memory than its limit"):
        run(text)


def test_output_is_limited():
    with pytest.raises(ScriptError, match="printed more than its limit of 2000 bytes"):
        run("import json\nwhile True:\n    print('x' * 100)")


def test_a_value_that_shares_its_parts_does_not_fill_the_memory_as_a_copy():
    with pytest.raises(ScriptError, match="more than 200000 values"):
        run("import json\nx = []\nfor i in range(60):\n    x = [x, x]")


def test_a_changed_variable_that_shares_its_parts_is_not_compared_for_ever():
    with pytest.raises(ScriptError, match="more than 200000 values"):
        run("x.pop()\nfor i in range(60):\n    y = [x[:], x[:]]\n    x.clear()\n    x.extend(y)", x=[1, 2])


def test_a_value_nested_too_deeply_is_refused():
    with pytest.raises(ScriptError, match="nested more than 100 deep"):
        run("import json\nx = []\nfor i in range(150):\n    x = [x]")


def test_an_instance_of_a_class_cannot_be_kept():
    with pytest.raises(ScriptError, match="cannot be kept"):
        run("class A:\n    pass\na = A()")


def test_an_error_says_its_line_and_an_unknown_name_those_in_scope():
    with pytest.raises(ScriptError, match=r"NameError.*Variables in scope: total\.") as raised:
        run("import json\nx = 1\ny = totl", total=1)

    assert raised.value.line == 3


def test_bad_syntax_is_an_error_with_its_line():
    with pytest.raises(ScriptError, match="Not Python") as raised:
        run("x = 1\ny = = 2")

    assert raised.value.line == 2


def test_groovy_is_refused_with_a_remedy():
    with pytest.raises(ScriptError, match=r"not supported\. Write it in JavaScript, Python or FEEL"):
        run_script(Script(Language.GROOVY, "1"), {})


def test_a_feel_script_is_an_expression():
    assert run_script(Script(Language.FEEL, "sum(items)"), {"items": [1, 2]}).value == 3


def test_an_expression_beyond_the_subset_is_evaluated_in_the_sandbox():
    expression = Expression(Language.PYTHON, "sorted(items, key=lambda item: -item)")

    assert evaluate(expression, {"items": [1, 3, 2]}, NOW) == [3, 2, 1]


def test_an_expression_that_fails_in_the_sandbox_is_an_expression_error():
    with pytest.raises(ExpressionError, match="ZeroDivisionError"):
        evaluate(Expression(Language.PYTHON, "(lambda: 1 / 0)()"), {})


def test_many_threads_run_scripts_at_once():
    def square(number):
        return run("def f(x):\n    return x * x\nf(n)", Limits(), n=number).value

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(square, range(40))) == [number * number for number in range(40)]


def test_a_worker_that_dies_is_a_script_error_and_the_next_script_runs():
    limits = {"max_feed_duration_secs": 20.0}
    with sandbox_pool().checkout(limits=limits) as session:
        session.feed_run("1")
        victim = session.worker_pid
    threading.Timer(0.3, os.kill, (victim, signal.SIGKILL)).start()

    with pytest.raises(ScriptError, match=r"ended while it ran|ran longer"):
        run("def f():\n    while True:\n        pass\nf()", Limits(seconds=3.0))

    assert run("def f():\n    return 5\nf()").value == 5


def test_a_closed_pool_starts_again():
    run("import json\n1")
    close_pool()

    assert run("import json\n2").value == 2


def test_a_forked_process_is_told_that_it_cannot_run_scripts():
    run("import json\n1")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover
        try:
            run("import json\n1")
            os.write(writing, b"ran")
        except ScriptError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    told = os.read(reading, 1000).decode()
    os.close(reading)
    os.waitpid(child, 0)

    assert "Start it with 'spawn'" in told
    assert run("import json\n3").value == 3
