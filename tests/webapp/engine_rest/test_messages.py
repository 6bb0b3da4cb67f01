import pytest


@pytest.fixture
def waiting(order):
    """Two orders that wait to be picked up."""

    def start(business_key, amount):
        instance = order.start("order", business_key=business_key, variables={"amount": amount})
        order.complete_job(f"{instance.id}.2")
        order.complete(order.read.tasks(instance_id=instance.id).items[0].id)
        return instance.id

    return start("A-17", 120), start("B-1", 5)


def test_a_message_finds_its_receiver_by_business_key(order, waiting, admin_api):
    results = admin_api.post(
        "/message",
        {
            "messageName": "picked-up",
            "businessKey": "A-17",
            "resultEnabled": True,
            "variablesInResultEnabled": True,
            "processVariables": {"by": {"value": "van 3", "type": "String"}},
        },
    )

    [result] = results
    assert result["resultType"] == "Execution"
    assert result["execution"]["processInstanceId"] == waiting[0]
    assert result["variables"]["by"]["value"] == "van 3"
    assert [order.read.instance(id).state for id in waiting] == ["completed", "running"]


def test_a_message_finds_its_receiver_by_variables(order, waiting, admin_api):
    told = admin_api.post("/message", {"messageName": "picked-up", "correlationKeys": {"amount": {"value": 5}}})

    assert (admin_api.status, told) == (204, None)
    assert [order.read.instance(id).state for id in waiting] == ["running", "completed"]


def test_a_message_for_all_goes_to_all(order, waiting, admin_api):
    results = admin_api.post("/message", {"messageName": "picked-up", "all": True, "resultEnabled": True})
    again = admin_api.post("/message", {"messageName": "picked-up", "all": True, "resultEnabled": True})

    assert {each["execution"]["processInstanceId"] for each in results} == set(waiting)
    assert again == []


@pytest.mark.parametrize("body", [{"messageName": "picked-up"}, {"messageName": "nobody waits"}])
def test_a_message_without_one_receiver_is_refused_as_camunda_refuses_it(waiting, admin_api, body):
    told = admin_api.post("/message", body)

    assert (admin_api.status, told["type"]) == (400, "RestException")
    assert told["message"].startswith(f"Cannot correlate message '{body['messageName']}'")


def test_a_message_finds_its_receiver_by_local_variables(order, waiting, admin_api):
    """A lone token at the process's own level has the process's variables for its local ones, as in Camunda."""
    keys = {"messageName": "picked-up", "localCorrelationKeys": {"amount": {"value": 5}}}

    admin_api.post("/message", keys)
    assert admin_api.status == 204
    assert [order.read.instance(id).state for id in waiting] == ["running", "completed"]

    told = admin_api.post("/message", keys)
    assert admin_api.status == 400
    assert "Cannot correlate message" in told["message"]


@pytest.mark.parametrize(
    "field",
    ["processVariablesLocal", "processVariablesToTriggeredScope", "tenantId", "processDefinitionId", "correlationKey"],
)
def test_what_would_change_the_result_is_refused_rather_than_ignored(waiting, admin_api, field):
    said = {"messageName": "picked-up", "businessKey": "A-17", field: {"amount": {"value": 5}}}

    told = admin_api.post("/message", said)

    assert admin_api.status == 400
    assert f"'{field}' is not known here" in told["message"]


def test_a_signal_is_sent_to_whoever_waits(admin_api):
    admin_api.post("/signal", {"name": "alarm", "variables": {"floor": {"value": 3}}})
    assert admin_api.status == 204
    admin_api.post("/signal", {})
    assert admin_api.status == 400


def test_only_operators_send_messages(waiting, api):
    ben = api("ben")
    ben.post("/message", {"messageName": "picked-up", "businessKey": "A-17"})

    assert ben.status == 403
