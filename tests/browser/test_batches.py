"""Operators do something to many instances at once, with scripts and without."""

import pytest
from playwright.sync_api import expect

from tests.browser.house import NEW_HIRE

pytestmark = pytest.mark.browser


@pytest.fixture
def hires(house):
    """hires("B") are two onboardings whose business keys begin with that, waiting for the manager."""

    def start(prefix):
        keys = [f"{prefix}-{number}" for number in (1, 2)]
        started = [house.engine.start("employee-onboarding", business_key=key, variables=NEW_HIRE) for key in keys]
        for instance in started:
            house.wait_for_tasks(instance.id)
        return [instance.id for instance in started]

    return start


def test_all_of_a_page_are_ticked_with_one_box_and_the_batch_is_followed_to_its_end(house, hires, log_in):
    ids = hires("TICKED")
    page = log_in("admin")
    page.goto("/instances/?text=ticked")

    page.get_by_role("checkbox", name="All on this page").check()
    expect(page.get_by_role("checkbox", name="Tick TICKED-2")).to_be_checked()
    page.get_by_role("button", name="The ticked ones").click()
    page.get_by_label("Reason").fill("stock-taking")
    page.get_by_role("button", name="Suspend 2 instances").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("Completed")
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuetext", "2 of 2")
    expect(page.get_by_role("link", name="TICKED-1")).to_be_visible()
    assert {house.engine.read.instance(each).state for each in ids} == {"suspended"}


def test_without_scripts_all_that_are_found_are_cancelled(house, hires, log_in):
    ids = hires("FOUND")
    page = log_in("admin", java_script_enabled=False)
    page.goto("/instances/?text=found-")

    expect(page.get_by_role("checkbox", name="All on this page")).to_have_count(0)
    page.get_by_label("Do with many").select_option(label="Cancel")
    page.get_by_role("button", name="All 2 found").click()
    page.get_by_label("Reason").fill("nobody comes")
    page.get_by_role("button", name="Cancel 2 instances").click()

    page.get_by_text("The batch has started.").wait_for()
    [batch] = [one for one in house.engine.batches.list() if one.reason == "nobody comes"]
    assert {each.instance_id for each in house.engine.batches.items(batch.id)} == set(ids)
