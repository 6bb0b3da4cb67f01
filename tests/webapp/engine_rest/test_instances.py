import pytest


@pytest.fixture
def instance(order):
    return order.start("order", business_key="A-17", variables={"amount": 120, "city": "Rome"})


def test_instances_are_found_by_what_they_are(order, instance, admin_api):
    other = order.start("order", business_key="B-1", variables={"amount": 5})

    def found(**query):
        return [each["id"] for each in admin_api.get("/process-instance", **query)]

    assert found(businessKey="A-17") == [instance.id]
    assert found(businessKeyLike="B%") == [other.id]
    assert found(variables="amount_eq_120,city_like_R%") == [instance.id]
    assert found(variables="amount_neq_120") == [other.id]
    assert found(activityIdIn="Charge,Pack", processDefinitionKey="order", sortBy="businessKey", sortOrder="desc") == [
        other.id,
        instance.id,
    ]
    assert found(suspended="true") == []
    assert found(firstResult=1, sortBy="instanceId", sortOrder="asc") == [other.id]
    assert admin_api.get("/process-instance/count", active="true") == {"count": 2}


def test_a_search_in_a_body_is_the_same_search(instance, admin_api):
    wanted = {
        "variables": [{"name": "amount", "operator": "eq", "value": 120.0}],
        "sorting": [{"sortBy": "instanceId"}],
    }

    assert [each["id"] for each in admin_api.post("/process-instance", wanted)] == [instance.id]
    assert admin_api.post("/process-instance/count", wanted) == {"count": 1}


@pytest.mark.parametrize(
    "query",
    [
        {"variables": "amount_gt_5"},
        {"variables": "nonsense"},
        {"sortBy": "colour"},
        {"maxResults": "-1"},
        {"firstResult": "1e9"},
        {"businessKey": "a\0b"},
        {"tenantIdIn": "acme"},
        {"suspended": "maybe"},
        {"businessKeyLike": "\\", "variables": "a_eq_" + "x" * 5000},
    ],
)
def test_wishes_that_cannot_be_granted_are_refused(admin_api, query):
    told = admin_api.get("/process-instance", **query)

    assert (admin_api.status, told["type"]) == (400, "InvalidRequestException")


def test_variables_are_read_and_written(order, instance, admin_api):
    path = f"/process-instance/{instance.id}/variables"

    admin_api.put(f"{path}/items", {"value": '["tea"]', "type": "Json"})
    admin_api.post(path, {"modifications": {"amount": {"value": 7}}})

    assert order.read.variables(instance.id) == {"amount": 7, "city": "Rome", "items": ["tea"]}
    assert admin_api.get(f"{path}/items")["value"] == ["tea"]
    assert admin_api.get(f"{path}/items", deserializeValue="false")["value"] == '["tea"]'
    assert set(admin_api.get(path)) == {"amount", "city", "items"}
    admin_api.get(f"{path}/nothing")
    assert admin_api.status == 404


def test_the_bytes_of_a_variable_are_a_download_and_never_a_page(order, instance, admin_api):
    page = {"filename": "evil\r\n.html", "mimetype": "text/html", "encoding": None, "content": b"<script>"}
    order.set_variables(instance.id, {"page": page})

    admin_api.get(f"/process-instance/{instance.id}/variables/page/data")

    assert admin_api.answer.data == b"<script>"
    assert admin_api.answer.headers["Content-Disposition"].startswith("attachment")
    assert admin_api.answer.headers["X-Content-Type-Options"] == "nosniff"


def test_an_instance_is_suspended_activated_and_ended(order, instance, admin_api):
    path = f"/process-instance/{instance.id}"

    admin_api.put(f"{path}/suspended", {"suspended": True})
    assert admin_api.get(path)["suspended"] is True
    admin_api.put(f"{path}/suspended", {"suspended": False})
    assert admin_api.get(path)["suspended"] is False
    admin_api.delete(path)

    assert admin_api.status == 204
    assert order.read.instance(instance.id).state == "cancelled"
    admin_api.get(path)
    assert admin_api.status == 404


def test_only_operators_change_instances(instance, api, order):
    ben = api("ben")

    ben.delete(f"/process-instance/{instance.id}")
    assert ben.status == 403
    ben.put(f"/process-instance/{instance.id}/variables/amount", {"value": 0})
    assert ben.status == 403

    assert order.read.variables(instance.id)["amount"] == 120
