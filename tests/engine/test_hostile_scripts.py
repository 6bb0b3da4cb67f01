"""A diagram is data, possibly hostile: a script that tries to get out is an incident, and nothing else."""

from pathlib import Path

import pytest

from engine.engine import Engine
from engine.model import Resource

DIAGRAM = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t">
  <process id="hostile" isExecutable="true">
    <startEvent id="S"/>
    <scriptTask id="T" scriptFormat="LANGUAGE"><script><![CDATA[{}]]></script></scriptTask>
    <endEvent id="E"/>
    <sequenceFlow id="a" sourceRef="S" targetRef="T"/><sequenceFlow id="b" sourceRef="T" targetRef="E"/>
  </process>
</definitions>"""

ESCAPES = {
    "the file system": "open('{secret}', 'w').write('taken')",
    "a shell": "import os\nos.system('echo taken > {secret}')",
    "a process": "import subprocess\nsubprocess.run(['touch', '{secret}'])",
    "the interpreter's classes": "x = [c for c in ().__class__.__base__.__subclasses__() if 'Popen' in c.__name__][0]",
    "a format string": "x = '{{0.__class__.__init__.__globals__}}'.format(variables)",
    "an import in disguise": "x = __import__('os').environ",
    "eval": "x = eval(\"open('{secret}').read()\")",
    "all the time": "while True:\n    pass",
    "all the memory": "x = 'a' * 10**12",
    "a huge number": "x = 9**9**9",
}


IN_JAVASCRIPT = {
    "the file system": "std.open('{secret}', 'w')",
    "a file by another name": "globalThis['req' + 'uire']('fs').writeFileSync('{secret}', 'taken')",
    "a shell": "os.exec(['sh', '-c', 'echo taken > {secret}'])",
    "a process": "process.binding('spawn_sync')",
    "Java": "this['ja' + 'va'].lang.Runtime.getRuntime().exec('touch {secret}')",
    "the facade's own scope": "print.constructor('return request')().text",
    "the network": "new globalThis['XMLHttp' + 'Request']().open('GET', 'http://127.0.0.1/')",
    "all the time": "for (;;) {{}}",
    "all the memory": "var a = []; for (;;) a.push(new Uint8Array(1e6))",
    "a trap for what comes after": "var x = {{get a() {{ for (;;) {{}} }}}}",
}
CASES = [pytest.param("python", escape, id=f"python, {name}") for name, escape in ESCAPES.items()]
CASES += [pytest.param("javascript", escape, id=f"javascript, {name}") for name, escape in IN_JAVASCRIPT.items()]


@pytest.mark.parametrize(("language", "escape"), CASES)
def test_a_script_that_tries_to_get_out_is_an_incident(tmp_path: Path, language: str, escape: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("kept")
    engine = Engine("sqlite://")
    diagram = DIAGRAM.replace("LANGUAGE", language).format(escape.format(secret=secret))
    engine.deploy(Resource("hostile.bpmn", diagram.encode()))

    hostile = engine.start("hostile", variables={"variables": 1})
    engine.work()

    (incident,) = engine.read.incidents(hostile.id)
    assert (incident.element_id, incident.kind) == ("T", "script")
    assert secret.read_text() == "kept"
    assert engine.read.variables(hostile.id) == {"variables": 1}
