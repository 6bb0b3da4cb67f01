"""Forms of elements: generated, deployed, filled with variables."""

import json
from pathlib import Path

import pytest

from engine import Resource
from engine.engine import Engine
from engine.errors import InvalidInput, NotFound
from engine.forms import Choice, FieldType

REVIEW = {
    "id": "review",
    "type": "default",
    "components": [
        {"type": "text", "text": "Pay **{{amount}}**?", "id": "t"},
        {"type": "radio", "key": "decision", "label": "Decision", "validate": {"required": True},
         "values": [{"value": "yes", "label": "Yes"}, {"value": "no", "label": "No"}]},
        {"type": "number", "key": "amount", "label": "Amount", "readonly": True},
        {"type": "select", "key": "cause", "label": "Cause", "valuesKey": "causes"},
        {"type": "group", "label": "Address", "path": "address", "components": [
            {"type": "textfield", "key": "city", "label": "City", "validate": {"maxLength": 20}}]},
        {"type": "datetime", "subtype": "date", "key": "paidOn", "dateLabel": "Paid on"},
        {"type": "button", "id": "b"},
    ],
}  # fmt: skip


@pytest.fixture
def forms(engine: Engine, models: Path) -> Engine:
    engine.deploy(models / "form.bpmn", Resource("review.form", json.dumps(REVIEW).encode()))
    return engine


def test_a_generated_start_form_is_described(forms: Engine) -> None:
    definition = forms.read.definition("form")
    form = forms.read.start_form(definition.id)
    assert definition.has_start_form
    assert form is not None
    field = form.fields[0]
    assert (field.id, field.label, field.type, field.is_required) == ("amount", "Amount", FieldType.INTEGER, True)
    assert field.validation.minimum == "1"


def test_a_start_form_is_checked(forms: Engine) -> None:
    started = forms.start("form", form={"amount": "12"})
    assert forms.read.variables(started.id) == {"amount": 12}
    with pytest.raises(InvalidInput) as refused:
        forms.start("form", form={"amount": "0"})
    assert refused.value.fields == {"amount": "is less than 1"}
    assert forms.read.instances().total == 1


def test_a_deployed_form_is_filled_with_what_the_task_sees(forms: Engine) -> None:
    forms.start(
        "form", variables={"amount": 12, "causes": ["a", {"value": "b", "label": "B!"}], "address": {"city": "Rome"}}
    )
    form = forms.read.task_form(forms.read.tasks().items[0].id)
    assert form is not None
    text, decision, amount, cause, city, paid_on = form.fields
    assert (text.type, text.label) == (FieldType.STATIC, "Pay **12**?")
    assert (decision.type, decision.is_required) == (FieldType.CHOICE, True)
    assert (amount.is_readonly, amount.default) == (True, 12)
    assert cause.choices == (Choice("a", "a"), Choice("b", "B!"))
    assert (city.id, city.default, city.group) == ("address.city", "Rome", "Address")
    assert (paid_on.type, paid_on.label) == (FieldType.DATE, "Paid on")


def test_a_task_is_completed_with_its_form(forms: Engine) -> None:
    started = forms.start("form", variables={"amount": 12})
    task = forms.read.tasks().items[0]
    with pytest.raises(InvalidInput) as refused:
        forms.complete(task.id, form={"decision": "perhaps", "address.city": "x" * 21})
    assert refused.value.fields == {"decision": "is none of Yes, No", "address.city": "has more than 20 characters"}

    forms.complete(task.id, by="ann", form={"decision": "yes", "amount": "0", "paidOn": "2026-01-31"})
    variables = forms.read.variables(started.id)
    assert (variables["decision"], variables["amount"], variables["paidOn"]) == ("yes", 12, "2026-01-31")


def test_the_newest_form_is_used_by_tasks_that_bind_to_the_latest(forms: Engine) -> None:
    forms.start("form", variables={"amount": 12})
    changed = REVIEW | {"components": REVIEW["components"][:1]}
    deployment = forms.deploy(Resource("review.form", json.dumps(changed).encode()))
    form = forms.read.task_form(forms.read.tasks().items[0].id)
    assert deployment.is_new
    assert form is not None
    assert len(form.fields) == 1


def test_a_form_that_nobody_deployed_is_named(engine: Engine, models: Path) -> None:
    engine.deploy(models / "form.bpmn")
    engine.start("form")
    with pytest.raises(NotFound, match=r"There is no form 'review', which form\.bpmn names"):
        engine.read.task_form(engine.read.tasks().items[0].id)


def test_a_process_without_a_start_form_has_none(engine: Engine, models: Path) -> None:
    definition = engine.deploy(models / "order.bpmn").definitions[0]
    assert engine.read.start_form(definition.id) is None
    with pytest.raises(InvalidInput, match="no form here"):
        engine.start("order", form={"x": "1"})
