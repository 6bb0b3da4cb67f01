import pytest

from bpmn.expressions.javascript import beyond_sandbox, names_in, reads_by_computed_name


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("var url = new java.net.URL('https://x.example')", "java.net.URL"),
        ("Java.type('java.lang.Runtime').getRuntime()", "java.lang.Runtime"),
        ("new com.acme.billing.Invoice(order)", "com.acme.billing.Invoice"),
        ("Packages.java.io.File", "Packages.java.io.File"),
        ("org.camunda.bpm.engine.ProcessEngines.getDefaultProcessEngine()", "org.camunda.bpm.engine.ProcessEngines"),
        ("load('other.js')", "'load'"),
        ("fetch('https://x.example')", "'fetch'"),
        ("setTimeout(function () {}, 5)", "'setTimeout'"),
        ("import x from 'y'", "imports a module"),
        ("execution.getProcessEngineServices().getRuntimeService()", "'getProcessEngineServices' on execution"),
        ("task.complete()", "'complete' on task"),
    ],
)
def test_what_only_java_or_a_browser_has_is_seen(text: str, named: str) -> None:
    assert named in (beyond_sandbox(text) or "")


@pytest.mark.parametrize(
    "text",
    [
        "java.lang.System.out.println('java.net.URL')",
        "// new java.net.URL(x)\n1 /* fetch('x') */",
        "throw new org.camunda.bpm.engine.delegate.BpmnError('E')",
        "Java.type('org.camunda.bpm.engine.delegate.BpmnError')",
        "var load = function (x) { return x }; load(1)",
        "order.fetch('x'); order.java.net",
        "`fetch('x')` + 'a' / 2",
        "execution.getVariable('a'); execution.processInstanceId",
        "com.amount + de.rate",
        "function fetch(x) { return x } fetch(1)",
    ],
)
def test_what_the_sandbox_has_or_the_script_declares_is_left_alone(text: str) -> None:
    assert beyond_sandbox(text) is None


def test_names_are_found_wherever_a_variable_may_be_named() -> None:
    assert {"amount", "$x", "ümlaut", "key"} <= names_in("amount + $x + ümlaut + execution.getVariable('key')")
    assert not reads_by_computed_name("execution.getVariable('key')")
    assert reads_by_computed_name("execution.getVariable('key' + i)")
    assert reads_by_computed_name("execution.getVariable(name)")
    assert reads_by_computed_name("execution.getVariables()")
