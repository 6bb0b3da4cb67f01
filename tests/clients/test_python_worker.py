"""camunda-external-task-client-python3, unchanged, against a served application, with a token for workers."""


def test_it_completes_with_variables(house, python):
    instance = house.start("complete", amount=120, items=["tea"])

    house.wait_for(instance, "Pack")

    values = house.engine.read.variables(instance)
    assert (values["whole"], values["text"], values["flag"]) == (121, "täxt", True)
    assert values["items"] == ["tea", {"more": 1}]
    assert values["currency"] == "EUR"


def test_what_it_reports_as_failed_comes_again_with_the_attempts_left(house, python):
    instance = house.start("fail")

    house.wait_for(instance, "Pack")

    assert house.engine.read.variables(instance)["left"] == 1
    attempts = house.engine.read.history(instance).job_attempts
    assert [(each.outcome, each.worker) for each in attempts] == [("retry", "python"), ("completed", "python")]


def test_its_bpmn_error_is_caught_by_the_process(house, python):
    instance = house.start("refuse")

    house.wait_for(instance, "Ask")

    values = house.engine.read.variables(instance)
    assert (values["why"], values["card"]) == ("too old", 7)
