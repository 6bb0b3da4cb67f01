def test_definitions_are_listed_found_and_counted(order, admin_api):
    [listed] = admin_api.get("/process-definition", key="order", latestVersion="true")

    assert listed["id"] == "order:1"
    assert admin_api.get("/process-definition/order:1") == listed
    assert admin_api.get("/process-definition/key/order") == listed
    assert admin_api.get("/process-definition/count", versionTagLike="on%") == {"count": 1}
    assert 'id="order"' in admin_api.get("/process-definition/key/order/xml")["bpmn20Xml"]


def test_the_newest_version_is_the_latest(order, admin_api, leave):
    from engine.model import Resource

    newer = order.read.xml("order:1").replace(b'name="Order"', b'name="Orders"')
    order.deploy(Resource("order.bpmn", newer))

    latest = admin_api.get("/process-definition", latestVersion="true", sortBy="key", sortOrder="desc")

    assert [each["id"] for each in latest] == ["order:2", "leave:1"]
    versions = admin_api.get("/process-definition", key="order", sortBy="version", sortOrder="desc", maxResults=1)
    assert [each["id"] for each in versions] == ["order:2"]


def test_an_instance_is_started_by_key_and_by_id(order, admin_api):
    body = {"businessKey": "A-17", "variables": {"amount": {"value": 120, "type": "Integer"}}}

    by_key = admin_api.post("/process-definition/key/order/start", body)
    by_id = admin_api.post("/process-definition/order:1/start", {"withVariablesInReturn": True, **body})

    assert (by_key["definitionId"], by_key["businessKey"]) == ("order:1", "A-17")
    assert (by_key["ended"], by_key["suspended"]) == (False, False)
    assert order.read.variables(by_key["id"]) == {"amount": 120}
    assert order.read.instance(by_key["id"]).started_by == "admin"
    assert by_id["variables"] == {"amount": {"type": "Integer", "value": 120, "valueInfo": {}}}


def test_what_is_not_there_is_not_found(order, admin_api):
    told = admin_api.post("/process-definition/key/nothing/start", {})

    assert (admin_api.status, told["type"]) == (404, "RestException")
    assert told["message"] == "No matching process definition with key: nothing and no tenant-id."
    admin_api.post("/process-definition/key/order/tenant-id/acme/start", {})
    assert admin_api.status == 404
    admin_api.get("/process-definition/order:7")
    assert admin_api.status == 404


def test_a_body_that_is_no_object_or_no_json_is_refused(order, admin_api):
    for data in (
        b"[1]",
        b"{",
        b"\xff",
        b'{"a":' * 100_000,
        b'{"variables": {"a": {"value": NaN}}}',
        b'{"variables": {"a": {"value": 1e400}}}',
    ):
        told = admin_api.post("/process-definition/key/order/start", data=data, content_type="application/json")
        assert (admin_api.status, told["type"]) == (400, "InvalidRequestException")

    assert admin_api.get("/process-instance/count") == {"count": 0}


def test_the_form_of_a_start_tells_its_fields(leave, admin_api):
    fields = admin_api.get("/process-definition/key/leave/form-variables")

    assert fields["reason"] == {"type": "String", "value": "holiday", "valueInfo": {}}
