"""What only a real browser can tell: diagrams drawn, nothing overflows, the keyboard suffices, no script is needed."""

import re

import pytest
from playwright.sync_api import expect

from engine.batch import SuspendAll
from tests.browser.house import NEW_HIRE

pytestmark = pytest.mark.browser
NARROW = {"width": 390, "height": 844}

# Text and its contrast where that is below what WCAG 2.2 AA asks for: 4.5, or 3 for large text.
FAINT_TEXTS = """() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const paint = (colour, ground) => {
    canvas.fillStyle = `rgb(${ground})`;
    canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const groundOf = one => one
    ? paint(getComputedStyle(one).backgroundColor, groundOf(one.parentElement))
    : [255, 255, 255];
  const light = colour => colour
    .map(part => part / 255)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const faint = {};
  const texts = document.createTreeWalker(document.querySelector('main').parentElement, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const one = texts.currentNode.parentElement;
    const text = texts.currentNode.textContent.trim();
    if (!text || one.closest('svg, :disabled, .visually-hidden, script') || !one.getClientRects().length) continue;
    const style = getComputedStyle(one);
    const ground = groundOf(one);
    const [a, b] = [light(paint(style.color, ground)), light(ground)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) faint[text.slice(0, 40)] = ratio.toFixed(2);
  }
  return faint;
}"""


@pytest.fixture(scope="session")
def waiting_id(house):
    """An onboarding that waits for the manager."""
    instance = house.engine.start("employee-onboarding", business_key="HIRE-7", variables=NEW_HIRE, by="ben")
    house.wait_for_tasks(instance.id)
    return instance.id


def addresses(house, instance_id):
    [task] = house.engine.read.tasks(instance_id=instance_id, scope="all").items
    here = f"/instances/{instance_id}"
    batches = house.engine.batches.list(1) or [house.engine.batch(SuspendAll(), ["nobody"], reason="a look at it")]
    started = f"/batches/{batches[0].id}"
    agents = [
        one.activity_id
        for one in house.engine.read.history(instance_id).activities
        if one.element_id == "ChooseEquipment"
    ]
    return [
        *("/", "/workers/", "/instances/", "/tasks/?scope=all", f"/tasks/{task.id}", "/processes/"),
        *("/batches/", started, f"{started}/cancel", "/batches/new?kind=set-variables&of=found"),
        *(f"/processes/employee-onboarding{each}" for each in ("", "/start", "/start?by=json")),
        *(f"{here}?view={view}" for view in ("history", "changes", "jobs", "incidents", "log")),
        f"{here}/activities/{agents[0]}",
    ]


def test_no_page_is_wider_than_a_phone(house, waiting_id, log_in):
    page = log_in("admin", viewport=NARROW)

    wide = []
    for address in addresses(house, waiting_id):
        page.goto(address)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(address)

    assert wide == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_from_its_ground(house, waiting_id, log_in, scheme):
    page = log_in("admin", color_scheme=scheme)

    faint = {}
    for address in addresses(house, waiting_id):
        page.goto(address)
        faint |= page.evaluate(FAINT_TEXTS)

    assert faint == {}


def test_every_control_has_a_name_and_every_page_one_heading(house, waiting_id, log_in):
    page = log_in("admin")

    for address in addresses(house, waiting_id):
        page.goto(address)
        nameless = page.evaluate(
            """() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea, button, a')]
                .filter(one => !(one.labels?.length || one.ariaLabel || one.textContent.trim() || one.title))
                .map(one => one.outerHTML)"""
        )
        assert nameless == [], address
        expect(page.locator("h1"), address).to_have_count(1)


def test_the_diagram_shows_token_path_and_the_mark_of_its_maker(waiting_id, log_in):
    page = log_in("admin", color_scheme="dark")
    page.goto(f"/instances/{waiting_id}")

    page.locator(".is-active[data-element-id=DecideStart]").wait_for()
    expect(page.locator(".is-visited[data-element-id=ReadPaperwork]")).to_have_count(1)
    expect(page.locator(".is-visited[data-element-id=SendWelcome]")).to_have_count(0)
    mark = page.locator(".bjs-powered-by").bounding_box()
    canvas = page.locator("[data-diagram-canvas]").bounding_box()
    assert canvas["y"] <= mark["y"] <= canvas["y"] + canvas["height"] - mark["height"]


def test_the_drawing_tells_screen_readers_where_the_instance_waits(waiting_id, log_in):
    page = log_in("admin")
    page.goto(f"/instances/{waiting_id}")

    drawing = page.get_by_role("img", name="the instance waits at Decide on start")
    drawing.focus()

    expect(drawing).to_be_focused()


def test_markup_in_names_and_variables_runs_nowhere(house, log_in):
    attack = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    variables = NEW_HIRE | {"fullName": attack, attack: attack}
    instance = house.engine.start("employee-onboarding", business_key=attack, variables=variables, by="ben")
    [task] = house.wait_for_tasks(instance.id)
    page = log_in("admin")
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))

    for address in ("/", "/instances/", f"/instances/{instance.id}?view=changes", f"/tasks/{task.id}"):
        page.goto(address)
        page.get_by_text(attack).first.wait_for()

    assert dialogs == []


def test_a_line_of_the_history_points_at_its_element_and_back(waiting_id, log_in):
    page = log_in("admin")
    page.goto(f"/instances/{waiting_id}")
    page.locator(".is-active[data-element-id=DecideStart]").wait_for()

    page.locator("li[data-element=ReadPaperwork] a").first.focus()
    expect(page.locator(".is-pointed-at[data-element-id=ReadPaperwork]")).to_have_count(1)

    page.locator("[data-element-id=SetUpPayroll]").click()
    expect(page.locator("li.is-picked").first).to_contain_text(re.compile(r"^\s*Set up payroll"))


def test_a_task_is_found_and_claimed_with_the_keyboard_alone(house, log_in):
    instance = house.engine.start("employee-onboarding", business_key="HIRE-8", variables=NEW_HIRE, by="ben")
    [task] = house.wait_for_tasks(instance.id)
    page = log_in("ann")
    page.goto(f"/tasks/{task.id}")

    page.keyboard.press("Tab")
    expect(page.locator(".skip-link")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Claim":
            break
    page.keyboard.press("Enter")

    page.get_by_role("button", name="Complete").wait_for()
    assert house.engine.read.task(task.id).assignee == "ann"


def test_pages_work_without_scripts(waiting_id, log_in):
    page = log_in("ann", java_script_enabled=False)
    page.goto(f"/instances/{waiting_id}")

    expect(page.get_by_text("Waiting at Decide on start")).to_be_visible()
    page.get_by_role("link", name="Audit log").click()
    expect(page.get_by_role("row").filter(has_text="Started").first).to_be_visible()


def test_a_refused_form_puts_the_cursor_where_the_problem_is(log_in):
    page = log_in("ben")
    page.goto("/processes/employee-onboarding/start")
    page.get_by_label("Full name").fill("Somebody")

    page.get_by_role("button", name="Start").click()

    expect(page.locator("[aria-invalid=true]").first).to_be_focused()
    expect(page.get_by_label("Full name")).to_have_value("Somebody")
