"""Betsy's diagrams made runnable: their scripts are macros, their conditions a notation of its own.

The catalogue's conventions say what a macro means. What takes time, and what throws, becomes a service task:
a script can do neither.
"""

from __future__ import annotations

from lxml import etree

_BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
_SCRIPTS = {
    "INCREMENT_INTEGER_VARIABLE": "integerVariable = integerVariable + 1",
    "INCREMENT_INTEGER_VARIABLE_AND_LOG": "integerVariable = integerVariable + 1",
    "SET_STRING_DATA": 'data = "String"',
    "LOG_DATA": "logged = data",
}
LASTS = frozenset({"WAIT_TEN_SECONDS", "CREATE_TIMESTAMP_LOG_1", "CREATE_TIMESTAMP_LOG_2"})
"""Macros that take ten seconds; job types, too."""
THROWS = "THROW_ERROR"
_CONDITIONS = ("conditionExpression", "condition", "loopCondition", "completionCondition", "activationCondition")


def runnable(diagram: bytes) -> bytes:
    """*diagram* with Python for its macros and JUEL for its conditions; nothing else is changed, lines stay."""
    root = etree.fromstring(diagram, etree.XMLParser(resolve_entities=False))
    for task in root.iter(f"{_BPMN}scriptTask", f"{_BPMN}globalScriptTask"):
        _translate(task)
    for condition in root.iter(*(f"{_BPMN}{name}" for name in _CONDITIONS)):
        text = (condition.text or "").strip().removesuffix(">")  # one file ends in '>' by mistake
        if text and not text.startswith("${"):
            condition.text = f"${{{text}}}"
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _translate(task: etree._Element) -> None:
    script = task.find(f"{_BPMN}script")
    if script is None:
        return
    macro = (script.text or "").strip()
    if macro in LASTS or macro == THROWS:
        task.tag = f"{_BPMN}serviceTask"
        task.set("implementation", macro)
        task.remove(script)
    else:
        script.text = _SCRIPTS.get(macro, "pass")
