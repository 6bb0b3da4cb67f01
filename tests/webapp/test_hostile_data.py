"""Whatever people, models and diagrams wrote is shown as text."""

import pytest

from engine.model import Resource

SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(1)>'


@pytest.fixture
def hostile_id(the_engine, request):
    data = request.path.with_name("leave.bpmn").read_text()
    escaped = IMAGE.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    data = data.replace("Decide on leave", escaped).replace("Leave request", escaped).replace("Days off, from", escaped)
    the_engine.deploy(Resource("leave.bpmn", data.encode()))
    variables = {"days": SCRIPT, SCRIPT: {SCRIPT: [IMAGE]}, "long": IMAGE * 1000}
    return the_engine.start("leave", business_key=IMAGE, variables=variables, by=SCRIPT).id


def pages(the_engine, instance_id):
    [task] = the_engine.read.tasks(instance_id=instance_id, scope="all").items
    here = f"/instances/{instance_id}"
    yield from (
        "/",
        "/tasks/?scope=groups",
        f"/tasks/{task.id}",
        "/processes/",
        "/processes/leave",
        "/processes/leave/start",
    )
    yield from ("/instances/", f"/instances/?text={SCRIPT}", here, f"{here}/activities/2", f"{here}/cancel")
    yield from (f"{here}?view={view}" for view in ("changes", "jobs", "incidents", "log"))


def test_no_page_lets_markup_of_others_through(the_engine, hostile_id, admin):
    for path in pages(the_engine, hostile_id):
        html = admin.get(path).html
        assert admin.status == 200, path
        assert SCRIPT not in html, path
        assert "<img" not in html, path


def test_fragments_for_waiting_browsers_are_escaped_too(hostile_id, admin):
    for fragment in admin.get(f"/instances/{hostile_id}/live?view=changes").answer.json["fragments"].values():
        assert "<img" not in fragment
        assert SCRIPT not in fragment


def test_error_pages_escape_what_they_repeat(admin):
    for path in (f"/processes/{SCRIPT}", f"/instances/{IMAGE}", f"/tasks/{SCRIPT}.1", f"/{SCRIPT}"):
        html = admin.get(path).html
        assert admin.status == 404
        assert "<script>alert" not in html
        assert "<img" not in html


def test_a_huge_value_does_not_make_a_huge_page(leave, admin):
    instance = leave.start("leave", variables={"days": 1, "huge": "x" * 1_000_000})

    assert len(admin.get(f"/instances/{instance.id}?view=changes").html) < 150_000
    assert "more characters" in admin.text


def test_a_request_that_is_too_large_is_refused(leave, admin):
    admin.post("/processes/leave/start", by="json", variables="x" * (3 * 1024 * 1024))

    assert admin.status == 413


def test_an_unexpected_error_shows_a_reference_and_no_more(the_engine, admin, monkeypatch, caplog):
    def fail(*_, **__):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(the_engine.read, "instances", fail)

    admin.get("/instances/")

    assert admin.status == 500
    assert "secret detail" not in admin.text
    assert "secret detail" in caplog.text


def test_programs_get_errors_as_json(admin):
    answer = admin.get("/instances/nothing", headers={"Accept": "application/json"}).answer

    assert (answer.status_code, answer.json["status"]) == (404, 404)
