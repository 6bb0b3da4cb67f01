"""What the deploy and start buttons of Camunda Modeler send, from the same API of the platform that it uses."""

from pathlib import Path

ORDER = Path(__file__).parents[1] / "webapp" / "engine_rest" / "order.bpmn"


def test_the_deploy_button_deploys_and_the_start_button_starts(house, modeler):
    told = modeler("shop", ORDER.read_text().replace('id="order"', 'id="shop"'))

    assert told["version"]["version"].startswith("7.")
    assert (told["reached"], told["status"]) == (200, 200)
    assert told["deployment"]["name"] == "shop"
    assert list(told["deployment"]["deployedProcessDefinitions"]) == ["shop:1"]
    instance = house.engine.read.instance(told["instance"]["id"])
    assert (instance.process_key, instance.business_key, instance.started_by) == ("shop", "default", "admin")
    assert house.engine.read.variables(instance.id) == {"wish": "none"}
    house.engine.cancel(instance.id)


def test_the_findings_of_a_bad_diagram_are_told(house, modeler):
    told = modeler("bad", ORDER.read_text().replace('targetRef="Pack"', 'targetRef="Nowhere"'))

    assert told["status"] == 400
    assert told["deployment"]["type"] == "ParseException"
    # Only with this beginning does the Modeler say that the diagram is at fault.
    assert told["deployment"]["message"].startswith("ENGINE-09005 Could not parse BPMN process.")
    [error, *_] = told["deployment"]["details"]["bad.bpmn"]["errors"]
    assert "Nowhere" in error["message"]
    assert error["line"] > 1
