"""Jobs of one type that go to several queues of a fleet by their other names."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine import Resource
from engine.clock import VirtualClock
from engine.engine import Engine
from engine.store import relay
from engine.store.relay import ReadyJob


def one_type(element_id: str) -> Resource:
    """A process whose job goes by its implementation, and by this id."""
    text = f"""<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t">
      <process id="{element_id}" isExecutable="true"><startEvent id="S"/>
        <serviceTask id="{element_id}_task" implementation="shared"/><endEvent id="E"/>
        <sequenceFlow id="a" sourceRef="S" targetRef="{element_id}_task"/>
        <sequenceFlow id="b" sourceRef="{element_id}_task" targetRef="E"/></process></definitions>"""
    return Resource(f"{element_id}.bpmn", text.encode())


def test_a_full_queue_keeps_back_no_job_of_the_same_type_that_goes_to_another_one(
    engine: Engine, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "WINDOW", 3)
    for element_id in ("full", "free"):
        engine.deploy(one_type(element_id))
    sent: list[ReadyJob] = []
    announcer = engine.relay(sent.append, ahead=2, queue_of=lambda names: names[1])
    for _ in range(9):
        engine.start("full")
    assert announcer.publish() == 2
    for _ in range(3):
        engine.start("free")
    for _ in range(4):  # of three each
        clock.advance(timedelta(seconds=1))
        announcer.publish()

    assert [job.names for job in sent[2:]] == [("shared", "free_task")] * 2
    clock.advance(timedelta(seconds=30))
    assert announcer.publish() == 0
