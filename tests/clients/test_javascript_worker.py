"""camunda-external-task-client-js, unchanged, against a served application."""

from datetime import UTC, datetime


def test_it_completes_with_variables_of_every_type(house, javascript):
    instance = house.start("complete", amount=120, items=["tea"])

    house.wait_for(instance, "Pack")

    values = house.engine.read.variables(instance)
    assert values["text"] == "täxt"
    assert (values["whole"], values["large"], values["part"], values["flag"]) == (121, 2**40, 2.5, True)
    assert values["nothing"] is None
    assert values["items"] == ["tea", {"more": 1}]
    assert values["moment"] == datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    assert "mine" not in values


def test_what_it_reports_as_failed_comes_again_with_the_attempts_left(house, javascript):
    instance = house.start("fail")

    house.wait_for(instance, "Pack")

    assert house.engine.read.variables(instance)["left"] == 1
    attempts = house.engine.read.history(instance).job_attempts
    assert [(each.outcome, each.worker) for each in attempts] == [("retry", "javascript"), ("completed", "javascript")]


def test_its_bpmn_error_is_caught_by_the_process(house, javascript):
    instance = house.start("refuse")

    house.wait_for(instance, "Ask")

    values = house.engine.read.variables(instance)
    assert (values["why"], values["card"]) == ("too old", 7)


def test_it_extends_its_lock(house, javascript):
    instance = house.start("extend")

    house.wait_until(lambda: any(told["what"] == "extended" for told in javascript.told))

    [told] = [told for told in javascript.told if told["what"] == "extended"]
    [job] = house.engine.read.jobs(instance)
    assert (job.leased_until - datetime.fromisoformat(told["until"])).total_seconds() > 500
    house.engine.cancel(instance)


def test_it_reads_and_writes_files(house, javascript):
    content = {"filename": "note.txt", "mimetype": "text/plain", "encoding": None, "content": b"hello"}
    instance = house.start("file", file=content)

    house.wait_for(instance, "Pack")

    values = house.engine.read.variables(instance)
    assert values["read"] == "hello"
    assert (values["script"]["filename"], values["script"]["mimetype"]) == ("worker.mjs", "text/javascript")
    assert values["script"]["content"].startswith(b"// Camunda's JavaScript worker")


def test_nothing_failed_on_its_side(javascript):
    assert [told for told in javascript.told if told["what"].endswith("failed")] == []
