"""A colleague is hired, in the browser from the start form to the history."""

import pytest
from playwright.sync_api import expect

from tests.browser.house import NEW_HIRE

pytestmark = pytest.mark.browser


def test_a_manager_approves_a_new_colleague_and_reads_how_it_went(log_in):
    ben = log_in("ben")
    ben.get_by_role("link", name="Start Employee onboarding").click()
    ben.get_by_label("Business key").fill("HIRE-1")
    for label, value in {
        "Full name": NEW_HIRE["fullName"],
        "E-mail": NEW_HIRE["email"],
        "First day": NEW_HIRE["startDate"],
        "What will the person do?": NEW_HIRE["role"],
        "Paperwork": NEW_HIRE["paperworkText"],
    }.items():
        ben.get_by_label(label).fill(value)
    ben.get_by_label("Department").select_option(label="Engineering")
    ben.get_by_role("button", name="Start").click()
    ben.get_by_text("Employee onboarding has started.").wait_for()

    # Without a reload: the agents work, the page follows, the token comes to the manager.
    ben.get_by_text("Waiting at Decide on start").wait_for()
    ben.locator(".is-active[data-element-id=DecideStart]").wait_for()
    expect(ben.locator(".diagram-badge-token")).to_have_text("1")

    ann = log_in("ann")
    ann.get_by_role("link", name="Tasks", exact=True).click()
    ann.get_by_role("link", name="My groups").click()
    hers = ann.get_by_role("listitem").filter(has_text="HIRE-1").get_by_role("link", name="Decide on start")
    hers.click()  # and none that other tests have left
    ann.get_by_role("button", name="Claim", exact=True).click()
    ann.get_by_label("Approve the start").check()
    ann.get_by_label("Comment").fill("Looking forward to it")
    ann.get_by_role("button", name="Complete").click()
    ann.get_by_text("'Decide on start' is completed.").wait_for()

    ben.locator(".headline .pill", has_text="Completed").wait_for()
    history = ben.get_by_role("region", name="What happened")
    expect(history.get_by_role("listitem").filter(has_text="Decide on start")).to_contain_text("by ann")
    expect(history.get_by_role("listitem").filter(has_text="Colleague welcomed")).to_have_count(1)
    expect(ben.locator(".is-taken.djs-connection").nth(5)).to_be_attached()

    history.get_by_role("link", name="Choose equipment").click()
    expect(ben.get_by_text("A scripted stand-in answered here, no real model")).to_be_visible()
    work = ben.get_by_role("region", name="What the agent did")
    expect(work).to_contain_text("find_equipment")
    expect(work).to_contain_text(NEW_HIRE["role"])
