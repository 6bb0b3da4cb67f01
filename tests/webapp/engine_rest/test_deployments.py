from pathlib import Path

ORDER = Path(__file__).with_name("order.bpmn")
BOUNDARY = "----WebKitFormBoundaryqwK8QyYQz8kLT2yA"


def pressed(diagram, name="order.bpmn", attachments=(), **fields):
    """The body that Camunda Modeler 5 sends, byte for byte: its fields in order, then the diagram, then the rest."""
    said = {
        "deployment-name": "order",
        "deployment-source": "Camunda Modeler",
        "enable-duplicate-filtering": "true",
        **fields,
    }
    parts = [f'Content-Disposition: form-data; name="{key}"\r\n\r\n{value}' for key, value in said.items()]
    files = [(name, "text/xml", diagram), *((other, "application/octet-stream", text) for other, text in attachments)]
    for file, kind, text in files:
        about = f'Content-Disposition: form-data; name="{file}"; filename="{file}"\r\nContent-Type: {kind}'
        parts.append(f"{about}\r\n\r\n{text}")
    body = "".join(f"--{BOUNDARY}\r\n{part}\r\n" for part in parts) + f"--{BOUNDARY}--\r\n"
    return {"data": body.encode(), "content_type": f"multipart/form-data; boundary={BOUNDARY}"}


def test_the_deploy_button_of_the_modeler_deploys(admin_api, the_engine):
    told = admin_api.post("/deployment/create", **pressed(ORDER.read_text()))

    assert admin_api.status == 200
    assert (told["name"], told["source"], told["tenantId"]) == ("order", "Camunda Modeler", None)
    assert told["deploymentTime"] == "2026-03-02T12:00:00.000+0000"
    assert told["links"] == [
        {"method": "GET", "href": f"http://localhost/engine-rest/deployment/{told['id']}", "rel": "self"}
    ]
    definition = told["deployedProcessDefinitions"]["order:1"]
    assert (definition["key"], definition["version"], definition["name"]) == ("order", 1, "Order")
    assert (definition["resource"], definition["versionTag"]) == ("order.bpmn", "one")
    assert definition["historyTimeToLive"] == 30
    assert the_engine.read.xml("order:1") == ORDER.read_bytes()


def test_what_has_not_changed_is_told_as_it_is(admin_api):
    first = admin_api.post("/deployment/create", **pressed(ORDER.read_text()))
    second = admin_api.post("/deployment/create", **pressed(ORDER.read_text()))

    assert second["id"] == first["id"]
    assert list(second["deployedProcessDefinitions"]) == ["order:1"]


def test_files_beside_the_diagram_are_deployed_with_it(admin_api, the_engine):
    form = '{"id": "pack", "components": []}'
    told = admin_api.post("/deployment/create", **pressed(ORDER.read_text(), attachments=[("pack.form", form)]))

    assert the_engine.read.resource(told["id"], "pack.form") == form.encode()


def test_findings_are_told_as_camunda_tells_parse_errors(admin_api):
    broken = ORDER.read_text().replace('targetRef="Pack"', 'targetRef="Nowhere"')

    told = admin_api.post("/deployment/create", **pressed(broken))

    assert admin_api.status == 400
    assert told["type"] == "ParseException"
    assert told["message"].startswith("ENGINE-09005 Could not parse BPMN process. Errors:\n* ")
    [error, *_] = told["details"]["order.bpmn"]["errors"]
    assert "Nowhere" in error["message"]
    assert error["line"] == broken[: broken.index("Nowhere")].count("\n") + 1
    assert admin_api.get("/deployment") == []


def test_hostile_uploads_are_refused_and_change_nothing(admin_api):
    assert (
        admin_api.post("/deployment/create", **pressed("<no", name="../../etc/passwd.bpmn"))["type"] == "ParseException"
    )
    admin_api.post("/deployment/create", **pressed(ORDER.read_text(), **{"tenant-id": "acme"}))
    assert admin_api.status == 400
    admin_api.post("/deployment/create", data={"deployment-name": "empty"}, content_type="multipart/form-data")
    assert admin_api.status == 400
    admin_api.post("/deployment/create", **pressed("x" * 17_000_000))
    assert admin_api.status == 413
    assert admin_api.get("/deployment/count") == {"count": 0}


def test_deployments_are_listed_and_found(admin_api):
    deployed = admin_api.post("/deployment/create", **pressed(ORDER.read_text()))

    assert admin_api.get("/deployment", maxResults=0) == []
    assert [each["id"] for each in admin_api.get("/deployment", nameLike="ord%")] == [deployed["id"]]
    assert admin_api.get("/deployment", nameLike="%x%") == []
    assert admin_api.get(f"/deployment/{deployed['id']}")["name"] == "order"
    admin_api.get("/deployment/nothing")
    assert admin_api.status == 404


def test_only_administrators_deploy(api, the_engine):
    for name in ("ann", "olga"):
        asker = api(name)
        told = asker.post("/deployment/create", **pressed(ORDER.read_text()))
        assert (asker.status, told["type"]) == (403, "AuthorizationException")

    assert the_engine.read.definitions() == []
