"""Where a diagram names secrets, and what their values are put into."""

import pytest

from bpmn.secrets import filled, names_in_text, uses_of

VALUES = {"A": "alpha", "B": "beta"}


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("{{secrets.A}}", {"A"}, "alpha"),
        ("Bearer {{ secrets.A }}:{{secrets.B}}", {"A", "B"}, "Bearer alpha:beta"),
        ("=camunda.secrets.A", {"A"}, "alpha"),
        ("{{secrets.C}}", {"C"}, "{{secrets.C}}"),
        ("{{secret.A}} camunda.secrets.A", set(), "{{secret.A}} camunda.secrets.A"),
    ],
)
def test_a_text_names_secrets_and_is_filled_with_those_that_are_known(text, names, expected):
    assert names_in_text(text) == names
    assert filled(text, VALUES) == expected


def test_each_element_says_which_secrets_go_where_also_in_lists_and_maps(read_line):
    story = read_line(
        '<serviceTask id="x" camunda:topic="t"><extensionElements><camunda:inputOutput>'
        '<camunda:inputParameter name="plain">{{secrets.A}}</camunda:inputParameter>'
        '<camunda:inputParameter name="deep"><camunda:map><camunda:entry key="k"><camunda:list>'
        "<camunda:value>{{secrets.A}}</camunda:value><camunda:value>{{secrets.B}}</camunda:value></camunda:list>"
        "</camunda:entry></camunda:map></camunda:inputParameter>"
        '<camunda:inputParameter name="none">${a}</camunda:inputParameter>'
        "</camunda:inputOutput></extensionElements></serviceTask>"
    )

    assert uses_of(story.process) == {"x": {"plain": {"A"}, "deep": {"A", "B"}}}
    assert story.errors == set()


def test_a_person_is_handed_no_secret(read_line):
    story = read_line(
        '<userTask id="x"><extensionElements><camunda:inputOutput><camunda:inputParameter name="a">{{secrets.A}}'
        "</camunda:inputParameter></camunda:inputOutput></extensionElements></userTask>"
    )

    assert story.errors == {"secret"}
    assert uses_of(story.process) == {}
