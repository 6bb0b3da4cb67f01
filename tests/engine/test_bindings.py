"""Which version of a called process, a decision and a form is meant: latest, deployment, version, version tag."""

import json
import re
from collections.abc import Iterator

import pytest

from engine import Resource
from engine.engine import Engine
from engine.errors import InvalidInput, NotFound

BPMN = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t"
  xmlns:camunda="http://camunda.org/schema/1.0/bpmn" xmlns:zeebe="http://camunda.org/schema/zeebe/1.0"
  xmlns:modeler="http://camunda.org/schema/modeler/1.0" {platform}>{process}</definitions>"""
PROCESS = """<process id="{key}" isExecutable="true" {attributes}>{extension}<startEvent id="s"/>
  <sequenceFlow id="f" sourceRef="s" targetRef="x"/>{activity}<sequenceFlow id="g" sourceRef="x" targetRef="e"/>
  <endEvent id="e"/></process>"""
DMN = """<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="d" namespace="t"
  xmlns:camunda="http://camunda.org/schema/1.0/dmn" xmlns:zeebe="http://camunda.org/schema/zeebe/1.0">
  <decision id="which" name="Which" {attributes}>{extension}<literalExpression><text>"{said}"</text></literalExpression>
  </decision></definitions>"""
C8 = 'modeler:executionPlatform="Camunda Cloud" modeler:executionPlatformVersion="8.6.0"'
C7 = {
    "process": '<callActivity id="x" calledElement="which" {binding}/>',
    "decision": '<businessRuleTask id="x" camunda:decisionRef="which" camunda:resultVariable="r" '
    'camunda:mapDecisionResult="singleEntry" {binding}/>',
    "form": '<userTask id="x" camunda:formRef="which" {binding}/>',
}
PREFIX = {"process": "calledElement", "decision": "decisionRef", "form": "formRef"}
CLOUD = {
    "process": '<callActivity id="x"><extensionElements><zeebe:calledElement processId="which" {binding}/>'
    "</extensionElements></callActivity>",
    "decision": '<businessRuleTask id="x"><extensionElements><zeebe:calledDecision decisionId="which" '
    'resultVariable="r" {binding}/></extensionElements></businessRuleTask>',
    "form": '<userTask id="x"><extensionElements><zeebe:userTask/><zeebe:formDefinition formId="which" {binding}/>'
    "</extensionElements></userTask>",
}
KINDS = ["process", "decision", "form"]


def neighbour(kind: str, said: str, tag: str | None = None) -> Resource:
    """What is bound: a version that says *said* where it is used. Each is tagged as another editor does it."""
    if kind == "form":
        form = {"id": "which", "components": [{"type": "textfield", "key": said}]} | (
            {"versionTag": tag} if tag else {}
        )
        return Resource("which.form", json.dumps(form).encode())
    is_cloud = said == "second"
    attributes = f'camunda:versionTag="{tag}"' if tag and not is_cloud else ""
    extension = ""
    if tag and is_cloud:
        extension = f'<extensionElements><zeebe:versionTag value="{tag}"/></extensionElements>'
    if kind == "decision":
        return Resource("which.dmn", DMN.format(attributes=attributes, extension=extension, said=said).encode())
    activity = f'<userTask id="x" name="{said}"/>'
    process = PROCESS.format(key="which", attributes=attributes, extension=extension, activity=activity)
    return Resource("which.bpmn", BPMN.format(platform=C8 if is_cloud else "", process=process).encode())


def caller(kind: str, binding: str) -> Resource:
    """A diagram for Camunda 7, or for Camunda 8 where *binding* is written so."""
    is_cloud = "bindingType" in binding
    activity = (CLOUD if is_cloud else C7)[kind].format(binding=binding)
    process = PROCESS.format(key="caller", attributes="", extension="", activity=activity)
    return Resource("caller.bpmn", BPMN.format(platform=C8 if is_cloud else "", process=process).encode())


def bound(kind: str, binding: str, version: str = "") -> str:
    attribute = {"version": "Version", "versionTag": "VersionTag"}.get(binding, "")
    said = f' camunda:{PREFIX[kind]}{attribute}="{version}"' if attribute else ""
    return f'camunda:{PREFIX[kind]}Binding="{binding}"{said}'


def used(engine: Engine) -> str:
    """What the bound neighbour says in a new instance of the caller."""
    instance = engine.start("caller")
    called = engine.read.children(instance.id)
    if called:
        return engine.read.tasks(instance_id=called[0].id).items[0].name
    tasks = engine.read.tasks(instance_id=instance.id).items
    if tasks:
        form = engine.read.task_form(tasks[0].id)
        assert form is not None
        return form.fields[0].id
    return engine.read.variables(instance.id)["r"]


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine("sqlite://") as engine:
        yield engine


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("binding", "version", "said"),
    [("latest", "", "third"), ("deployment", "", "first"), ("version", "2", "second"), ("versionTag", "v2", "second")],
)
def test_each_binding_means_its_version(engine: Engine, kind: str, binding: str, version: str, said: str) -> None:
    if (kind, binding) == ("form", "versionTag"):  # Camunda 7 has no such binding of forms
        written = 'bindingType="versionTag" versionTag="v2"'
    else:
        written = bound(kind, binding, version)
    engine.deploy(caller(kind, written), neighbour(kind, "first", "v1"))
    engine.deploy(neighbour(kind, "second", "v2"))
    engine.deploy(neighbour(kind, "third"))

    assert used(engine) == said


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("binding", "said"),
    [
        ('bindingType="latest"', "third"),
        ('bindingType="deployment"', "first"),
        ('bindingType="versionTag" versionTag="v2"', "second"),
    ],
)
def test_each_binding_of_camunda_8_means_its_version(engine: Engine, kind: str, binding: str, said: str) -> None:
    engine.deploy(caller(kind, binding), neighbour(kind, "first", "v1"))
    engine.deploy(neighbour(kind, "second", "v2"))
    engine.deploy(neighbour(kind, "third"))

    assert used(engine) == said


@pytest.mark.parametrize("kind", KINDS)
def test_of_two_versions_with_one_tag_the_newer_is_meant(engine: Engine, kind: str) -> None:
    engine.deploy(caller(kind, 'bindingType="versionTag" versionTag="v"'), neighbour(kind, "first", "v"))
    engine.deploy(neighbour(kind, "second", "v"))

    assert used(engine) == "second"


@pytest.mark.parametrize("kind", KINDS)
def test_a_neighbour_that_has_not_changed_is_of_the_new_deployment_too(engine: Engine, kind: str) -> None:
    engine.deploy(neighbour(kind, "first"))
    engine.deploy(caller(kind, bound(kind, "deployment")), neighbour(kind, "first"))
    engine.deploy(neighbour(kind, "second"))

    assert used(engine) == "first"


@pytest.mark.parametrize("kind", KINDS)
def test_a_diagram_that_has_not_changed_goes_with_its_changed_neighbour(engine: Engine, kind: str) -> None:
    diagram = caller(kind, bound(kind, "deployment"))
    engine.deploy(diagram, neighbour(kind, "first"))
    engine.deploy(diagram, neighbour(kind, "second"))

    assert used(engine) == "second"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("written", "missing"),
    [
        (("latest", ""), r"no {kind} 'which'[ ,.]"),
        (("deployment", ""), r"no {kind} 'which' in the same deployment"),
        (("version", "7"), r"no {kind} 'which' with version 7"),
        (("versionTag", "v7"), r"no {kind} 'which' with version tag 'v7'"),
    ],
)
def test_where_there_is_none_the_message_says_what_is_wanted(
    engine: Engine, kind: str, written: tuple[str, str], missing: str
) -> None:
    is_c8 = (kind, written[0]) == ("form", "versionTag")
    engine.deploy(
        caller(kind, f'bindingType="versionTag" versionTag="{written[1]}"' if is_c8 else bound(kind, *written))
    )
    if written[0] != "latest":
        engine.deploy(neighbour(kind, "first", "v1"))

    expected = missing.format(kind=kind)
    if kind == "form":
        engine.start("caller")
        with pytest.raises(NotFound, match=expected):
            engine.read.task_form(engine.read.tasks().items[0].id)
    else:
        instance = engine.start("caller")
        [incident] = engine.read.incidents(instance.id)
        assert re.search(expected, incident.message), incident.message


@pytest.mark.parametrize("kind", KINDS)
def test_a_deployment_that_lacks_what_is_bound_to_it_is_warned_of(engine: Engine, kind: str) -> None:
    deployment = engine.deploy(caller(kind, bound(kind, "deployment")))

    [warning] = [finding for finding in deployment.warnings if finding.rule == "binding"]
    assert (warning.element_id, warning.line) == ("x", 4)
    assert f"bound to the {kind} 'which' of its own deployment" in warning.message


def test_a_process_is_started_by_its_version_tag(engine: Engine) -> None:
    engine.deploy(neighbour("process", "first", "v1"))
    engine.deploy(neighbour("process", "second", "v2"))
    engine.deploy(neighbour("process", "third", "v2"))

    assert [engine.start("which", version_tag=tag).version for tag in ("v1", "v2")] == [1, 3]
    with pytest.raises(NotFound, match="no process 'which' with version tag 'v3'"):
        engine.start("which", version_tag="v3")
    with pytest.raises(InvalidInput, match="Give one of them"):
        engine.start("which", version=1, version_tag="v1")


def test_what_was_deployed_is_not_compiled_again_for_its_first_start(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.deploy(neighbour("process", "first"))
    monkeypatch.setattr(engine.programs, "compile", lambda *given: pytest.fail("compiled again"))

    assert engine.start("which").version == 1
