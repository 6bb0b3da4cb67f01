"""Pages of long lists, and how many there are where nobody counts to the end."""

import pytest

from engine.store import lists


@pytest.fixture
def many(leave, monkeypatch):
    """120 instances, of which only some 60 are counted."""
    monkeypatch.setattr(lists, "COUNTED", 60)
    for _ in range(120):
        leave.start("leave", by="ann")


def test_a_long_list_says_how_many_there_are_at_least(ann, many):
    assert "1–50 of more than 60" in ann.get("/instances/").text
    assert 'rel="next"' in ann.html
    assert "51–100 of more than 100" in ann.get("/instances/?page=2").text
    assert 'rel="next"' in ann.html
    assert "101–120 of 120" in ann.get("/instances/?page=3").text
    assert 'rel="next"' not in ann.html


def test_the_other_pages_say_it_too(ann, admin, many):
    assert "60 + instances running" in ann.get("/").text
    assert "and more than 50 more" in ann.get("/processes/leave").text
    assert "1–50 of more than 60" in admin.get("/tasks/?scope=all").text
