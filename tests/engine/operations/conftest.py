"""Small diagrams that are deployed version by version."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine import Engine
from engine.model import ProcessDefinition, Resource

_HEAD = (
    '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t" '
    'xmlns:camunda="http://camunda.org/schema/1.0/bpmn" xmlns:modeler="http://camunda.org/schema/modeler/1.0" '
    'modeler:executionPlatform="Camunda Platform">{definitions}'
    '<process id="{key}" isExecutable="true">{body}{flows}</process></definitions>'
)

Deploy = Callable[..., ProcessDefinition]


@pytest.fixture
def deploy(engine: Engine) -> Deploy:
    """Deploys flow nodes, with flows like 'Start Task End'."""

    def deploy(body: str, *paths: str, key: str = "p", definitions: str = "") -> ProcessDefinition:
        flows = "".join(
            f'<sequenceFlow id="{source}_{target}" sourceRef="{source}" targetRef="{target}"/>'
            for path in paths
            for source, target in zip(path.split(), path.split()[1:], strict=False)
        )
        xml = _HEAD.format(definitions=definitions, key=key, body=body, flows=flows)
        return engine.deploy(Resource(f"{key}.bpmn", xml.encode())).definitions[0]

    return deploy
