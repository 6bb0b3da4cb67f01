"""Files that mean harm, or are none: a located finding, quickly, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bpmn.reader import read_bpmn

SAMPLE = (Path(__file__).parents[3] / "docs/example/order.bpmn").read_bytes()
BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + b"".join(
    b'<!ENTITY %c "%s">' % (98 + i, (b"&%c;" % (97 + i)) * 10) for i in range(9)
)


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "not-xml"),
        (bytes(range(256)), "not-xml"),
        (b"<definitions>", "not-xml"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "not-xml"),
        (b"<html/>", "not-bpmn"),
        (b"<definitions/>", "not-bpmn"),
        (b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>', "doctype"),
        (b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><x/>', "doctype"),
        ('<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x><x/>'.encode("utf-16"), "doctype"),
        (BOMB + b']><x y="&j;">&j;</x>', "doctype"),
        (b"x" * 17_000_000, "too-large"),
        (b"<a>" * 240 + b"</a>" * 240, "too-large"),
        (b"<a>" + b"<b/>" * 200_001 + b"</a>", "too-large"),
        (b"<a " + b" ".join(b'a%d="1"' % i for i in range(20_000)) + b"/>", "too-large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.timeout(200)  # a file that keeps the reader busy for good
def test_what_is_no_diagram_gives_one_finding_and_comes_to_an_end(data, rule):
    definitions, findings = read_bpmn(data, "bad.bpmn")

    assert definitions is None
    assert [finding.rule for finding in findings] == [rule]


def test_a_doctype_inside_text_is_only_text(read_line):
    story = read_line('<task id="x"><documentation><![CDATA[<!DOCTYPE html><p>Hi</p>]]></documentation></task>')

    assert story.errors == set()
    assert story.node("x").documentation == "<!DOCTYPE html><p>Hi</p>"


@pytest.mark.parametrize("text", ["=" + "(" * 20_000, "${" + "!" * 20_000 + "a}", "-" * 20_000 + "1"])
def test_an_expression_nested_without_end_is_a_finding(read_line, text):
    story = read_line(
        f'<scriptTask id="x"><script>y = 1</script></scriptTask><task id="t"/><endEvent id="z"/>'
        f'<sequenceFlow id="f" sourceRef="x" targetRef="t"><conditionExpression>{text}</conditionExpression>'
        '</sequenceFlow><sequenceFlow id="g" sourceRef="t" targetRef="z"/>'
    )

    assert "expression-syntax" in story.errors


def test_the_work_of_reading_grows_with_the_size_of_the_file_only(read):
    def calls(count: int) -> int:
        """How many functions are called to read a file of that many links, compensations and loose ends."""
        links = "".join(
            f'<intermediateThrowEvent id="t{i}"><linkEventDefinition id="d{i}" name="l{i}"/></intermediateThrowEvent>'
            f'<intermediateCatchEvent id="c{i}"><linkEventDefinition id="e{i}" name="l{i}"/></intermediateCatchEvent>'
            f'<boundaryEvent id="b{i}" attachedToRef="t{i}"><compensateEventDefinition/></boundaryEvent>'
            for i in range(count)
        )
        counted = 0

        def count_call(frame: object, event: str, argument: object) -> None:
            nonlocal counted
            counted += event in ("call", "c_call")

        sys.setprofile(count_call)
        try:
            read(links)
        finally:
            sys.setprofile(None)
        return counted

    calls(50)
    assert calls(1000) < 15 * calls(100)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_damaged_diagram_never_raises(data):
    damaged = bytearray(SAMPLE)
    for _ in range(data.draw(st.integers(1, 8))):
        start = data.draw(st.integers(0, len(damaged) - 1))
        end = data.draw(st.integers(start, min(len(damaged), start + 40)))
        damaged[start:end] = data.draw(
            st.sampled_from([b"", b"x", b'"', b"<task/>", b"=(", b"${", b"&#9;", b":", b"-1"])
        )

    _, findings = read_bpmn(bytes(damaged), "damaged.bpmn")

    assert all(finding.rule and finding.message and finding.line >= 0 for finding in findings)
