"""Deployments: versions, byte for byte, all or nothing."""

from pathlib import Path

import pytest

from engine import Resource
from engine.engine import Engine
from engine.errors import DeploymentRefused, InvalidInput, NotFound


@pytest.fixture
def order(models: Path) -> bytes:
    return (models / "order.bpmn").read_bytes()


def test_the_first_deployment_is_version_one(engine: Engine, models: Path) -> None:
    deployment = engine.deploy(models / "order.bpmn", by="ann", name="shop")
    definition = deployment.definitions[0]
    assert (deployment.is_new, deployment.by, definition.version, definition.version_tag) == (True, "ann", 1, "v1")
    assert engine.read.definition("order") == definition == engine.read.definition(definition.id)


def test_the_same_bytes_again_make_no_new_version(engine: Engine, order: bytes) -> None:
    first = engine.deploy(Resource("order.bpmn", order))
    again = engine.deploy(Resource("order.bpmn", order))
    assert (again.is_new, again.id, again.definitions) == (False, first.id, first.definitions)


def test_a_changed_file_is_the_next_version_and_running_instances_stay_on_theirs(engine: Engine, order: bytes) -> None:
    engine.deploy(Resource("order.bpmn", order))
    old = engine.start("order")
    engine.deploy(Resource("order.bpmn", order.replace(b'"Approve"', b'"Check"').replace(b">Approve<", b">Check<")))
    new = engine.start("order")
    engine.handler("charge")(lambda job: None)
    engine.work()

    tasks = {task.instance_id: task.element_id for task in engine.read.tasks()}
    assert tasks == {old.id: "Approve", new.id: "Check"}
    assert [each.version for each in engine.read.definitions(latest_only=False)] == [2, 1]
    assert [each.version for each in engine.read.definitions()] == [2]


def test_an_older_version_can_be_started(engine: Engine, order: bytes) -> None:
    engine.deploy(Resource("order.bpmn", order))
    engine.deploy(Resource("order.bpmn", order + b"\n"))
    assert engine.start("order", version=1).version == 1
    with pytest.raises(NotFound, match="with version 3"):
        engine.start("order", version=3)


def test_going_back_to_older_bytes_is_a_new_version(engine: Engine, order: bytes) -> None:
    for data in (order, order + b"\n", order):
        last = engine.deploy(Resource("order.bpmn", data))
    assert (last.is_new, last.definitions[0].version) == (True, 3)


def test_the_diagram_is_kept_byte_for_byte(engine: Engine, order: bytes) -> None:
    data = order.replace(b"\n", b"\r\n") + "<!-- é -->".encode()
    definition = engine.deploy(Resource("order.bpmn", data)).definitions[0]
    assert engine.read.xml(definition.id) == data


def test_a_refused_deployment_changes_nothing(engine: Engine, order: bytes) -> None:
    with pytest.raises(DeploymentRefused) as refused:
        engine.deploy(Resource("order.bpmn", order), Resource("bad.bpmn", b"<not a diagram"))
    assert [finding.file for finding in refused.value.findings if finding.severity == "error"] == ["bad.bpmn"]
    assert engine.read.definitions() == []


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("notes.txt", b"", "Files of type '.txt' are not deployed"),
        ("a.form", b"[]", "This is no form"),
        ("a.form", b'{"id": 3, "components": []}', "This is no form"),
    ],
)
def test_what_is_no_model_is_refused(engine: Engine, name: str, data: bytes, message: str) -> None:
    with pytest.raises(DeploymentRefused, match=message):
        engine.deploy(Resource(name, data))


def test_a_process_that_is_not_executable_is_not_deployed(engine: Engine, order: bytes) -> None:
    data = order.replace(b'isExecutable="true"', b'isExecutable="false"')
    with pytest.raises(DeploymentRefused, match="executable"):
        engine.deploy(Resource("order.bpmn", data))


def test_one_deployment_has_a_key_once(engine: Engine, order: bytes) -> None:
    with pytest.raises(DeploymentRefused, match=r"process 'order' is also in a\.bpmn"):
        engine.deploy(Resource("a.bpmn", order), Resource("b.bpmn", order))


def test_nothing_is_no_deployment(engine: Engine) -> None:
    with pytest.raises(DeploymentRefused, match="Nothing to deploy"):
        engine.deploy()


def test_a_file_that_cannot_be_opened_is_named(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"missing\.bpmn cannot be read"):
        engine.deploy(tmp_path / "missing.bpmn")


def test_two_who_deploy_the_same_file_at_once_make_one_version(open_engine, order: bytes) -> None:
    from threading import Thread

    engines = [open_engine() for _ in range(3)]
    threads = [Thread(target=each.deploy, args=(Resource("order.bpmn", order),)) for each in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.version for each in engines[0].read.definitions(latest_only=False)] == [1]


def test_the_same_bytes_under_another_name_make_no_new_version(engine: Engine, order: bytes) -> None:
    first = engine.deploy(Resource("order.bpmn", order))
    again = engine.deploy(Resource("renamed.bpmn", order))
    assert (again.is_new, again.id) == (False, first.id)
