"""WCAG 2.2 AA: axe on every page, and what axe cannot check.

In Django's admin only our own content is checked.
"""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.scenes import (
    ADMIN,
    LIVE_SCENES,
    NOTIFICATIONS,
    PAGES,
    SCENES,
    Director,
    Scene,
)
from tests.browser.scripts import call
from tests.browser.stage import Stage

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPTIONS = {"runOnly": TAGS, "resultTypes": ["violations"]}
# Dark is the same page in other colours.
COLOURS = ["color-contrast", "link-in-text-block"]
# What of Django's own lists is ours. Its filters are smaller than they should be.
LIST = "#changelist-form, .object-tools"
OURS = {"admin-events": LIST, "admin-follows": LIST}
# People choose the headings of what they write.
WRITTEN = {"question-stranger"}
# Other scenes show what these do, and more.
LESS = {
    "site-menu", "topics-none", "topic", "topic-chat", "ask", "signin", "signup",
    "csrf", "inbox-unread", "inbox-type", "bell-empty", "admin-event",
}  # fmt: skip
JUDGED = [
    scene
    for scene in (*PAGES, *NOTIFICATIONS, *ADMIN, *LIVE_SCENES)
    if scene.name not in LESS
]
# In milliseconds. Motion that is shorter is none.
AT_ONCE = 10
SAID_AGAIN_AFTER = 5_000
DESKTOP = {"width": 1280, "height": 800}
# test_direction.py has the pages themselves.
READ = (
    "question-stranger", "ask-errors", "signup-errors", "topic-menu", "missing",
    "inbox-did", "inbox-menu", "bell", "preferences", "stopped", "stream", "banner",
)  # fmt: skip
FROM_THE_RIGHT = ("inbox-menu", "bell")
PHONE = {"width": 320, "height": 568}
# As 1280 pixels are at 400 %.
NARROW = {"width": 320, "height": 256}


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage() as stage:
        yield stage


@pytest.fixture(scope="module")
def director(browser, stage) -> Iterator[Director]:
    director = Director(browser, stage)
    yield director
    director.close()


@pytest.fixture
def show(director):
    """Open a scene, by itself or by its name."""
    pages = []
    by_name = {scene.name: scene for scene in SCENES}

    def show(scene: Scene | str, **look: object) -> Page:
        scene = by_name[scene] if isinstance(scene, str) else scene
        pages.append(director.open(scene, **look))
        director.play(scene, pages[-1])
        return pages[-1]

    yield show
    for page in pages:
        page.close()


def findings(page: Page, scene: Scene) -> list[str]:
    """Return what axe finds, a line for each element, in light and in dark."""
    within = OURS.get(scene.name, "#content" if scene.is_admin else None)
    page.emulate_media(color_scheme="light")
    rules = {"heading-order": {"enabled": scene.name not in WRITTEN}}
    found = Axe().run(page, within, {**OPTIONS, "rules": rules}).response
    page.emulate_media(color_scheme="dark")
    call(page, "page.animationsEnd")
    dark = page.evaluate(
        "([within, options]) => axe.run(within ?? document, options)",
        [within, {**OPTIONS, "runOnly": COLOURS}],
    )
    return [
        f"{each['id']}: {node['html'][:200]} {node['failureSummary']}"
        for each in [*found["violations"], *dark["violations"]]
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("scene", JUDGED, ids=lambda scene: scene.name)
def test_axe_finds_nothing(show, scene):
    page = show(scene)

    assert findings(page, scene) == []


@pytest.mark.parametrize("name", ["home", "inbox", "bell", "arrived", "banner"])
def test_nothing_moves_with_reduced_motion(show, name):
    page = show(name)

    moving = [each for each in call(page, "page.motion") if each[1] > AT_ONCE]

    assert moving == []


@pytest.mark.parametrize("name", ["home", "inbox", "question", "preferences"])
def test_scripts_add_one_live_region(show, name):
    page = show(name)

    added = page.locator("body > :is([aria-live], [role=status], [role=alert])")

    expect(added).to_have_count(1)
    expect(added).to_have_attribute("role", "status")


def test_announcements_are_rate_limited(show):
    page = show("topics")
    page.clock.install()
    page.reload()
    page.wait_for_selector("html[data-notifications=live]")
    said = page.locator("body > [role=status]")
    call(page, "page.recordRegion", said)

    for unseen in (31, 32, 33):
        call(page, "page.notifyCount", unseen)

    assert page.evaluate("said") == ["31 new notifications"]
    page.clock.fast_forward(SAID_AGAIN_AFTER)
    page.wait_for_function("said.length > 1")
    assert page.evaluate("said")[1:] == ["33 new notifications"]


@pytest.mark.parametrize(
    ("name", "last"), [("bell", "Preferences"), ("inbox-menu", "Deutsch")]
)
def test_focus_is_always_visible(show, name, last):
    page = show(name)

    found = []
    while not found or found[-1]["name"] != last:
        assert len(found) < 80
        page.keyboard.press("Tab")
        found.append(call(page, "page.focused"))

    assert len(found) > 5
    assert [
        each for each in found if not each["visible"] or not each["uncovered"]
    ] == []


def test_narrow_header_is_one_row_with_a_menu(show):
    scene = next(each for each in PAGES if each.name == "site-menu")
    page = show(scene, viewport=PHONE)
    parts = ".site-menu, .brand, .notifications-bell, .account-name"
    boxes = [each.bounding_box() for each in page.locator(parts).all()]

    assert len({round(box["y"] + box["height"] / 2) for box in boxes}) == 1
    assert findings(page, scene) == []
    page.get_by_role("button", name="Sign out").press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(page.get_by_role("button", name="Menu")).to_be_focused()


def test_menu_works_by_keyboard_without_scripts(show):
    page = show("home-stranger", viewport=PHONE, java_script_enabled=False)

    page.get_by_role("button", name="Menu").press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")

    expect(page.get_by_role("link", name="Topics")).to_be_focused()


@pytest.mark.parametrize("name", [*READ, *(f"{name}-rtl" for name in FROM_THE_RIGHT)])
def test_pages_fit_with_large_text_and_in_narrow_windows(show, name):
    page = show(name, viewport=DESKTOP)

    page.evaluate("document.documentElement.style.fontSize = '200%'")
    large = call(page, "page.overflow")
    page.evaluate("document.documentElement.style.fontSize = ''")
    page.set_viewport_size(NARROW)
    narrow = call(page, "page.overflow")

    assert (large, narrow) == ([], [])
