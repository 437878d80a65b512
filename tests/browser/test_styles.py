"""The app's styles among those of the page that it is in."""

from playwright.sync_api import expect

from tests.browser.scripts import call

LIGHT, DARK = "rgb(255, 255, 255)", "rgb(29, 33, 37)"
PLAIN_ELEMENTS = """
* { margin: 0; padding: 0; border: 0; min-height: 3rem }
ol, li { padding-left: 2rem; list-style: square; background: pink }
body > main p, span, summary { font-size: 2rem; color: red }
button, a { display: block; padding: 1rem; background: red; color: yellow }
button { text-transform: uppercase }
input[type="checkbox"]:not([type="radio"]) { display: none; appearance: none }
"""


def test_only_rules_with_a_class_change_the_elements(visit, maja, tobias):
    tobias.answer(maja.ask("Which kettle?"), "A quiet one.")
    page = visit("/notifications/", maja)
    row = page.locator(".notifications-inbox-item")
    expect(row).to_have_count(1)
    # Its script changes some of the styles.
    expect(page.locator("notification-inbox:not(:defined)")).to_have_count(0)
    before = call(page, "styles.looks")

    call(page, "styles.add", PLAIN_ELEMENTS)

    assert call(page, "styles.looks") == before
    call(page, "styles.add", ".notifications-inbox-item { padding-left: 77px }")
    assert call(page, "styles.valueOf", row, "paddingLeft") == "77px"


def test_panel_has_the_color_scheme_of_its_place_in_the_page(visit, maja):
    page = visit("/topics/", maja, color_scheme="dark")
    page.locator("button.notifications-bell[aria-expanded]").click()
    panel = page.get_by_role("dialog", name="Notifications")
    call(page, "styles.removeTheSites")

    found = []
    for scheme in ("normal", "light dark", "dark", "light"):
        call(page, "styles.add", f"header {{ color-scheme: {scheme} }}")
        found.append(call(page, "styles.valueOf", panel, "backgroundColor"))

    assert found == [LIGHT, DARK, DARK, LIGHT]
