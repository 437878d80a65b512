"""The open inbox, with scripts and without."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

UNREAD = re.compile("unread")
SCRIPTS = pytest.mark.parametrize("scripts", [True, False])


def inbox(page: Page) -> Locator:
    return page.locator("main notification-inbox")


def rows(page: Page) -> Locator:
    return inbox(page).locator(".notifications-inbox-item")


def status(page: Page) -> Locator:
    return inbox(page).get_by_role("status")


def press(within: Page | Locator, name: str) -> None:
    within.get_by_role("button", name=name).click()


def wait_for_scripts(page: Page) -> None:
    page.locator("button.notifications-bell[aria-expanded]").wait_for()
    page.locator("main notification-inbox:defined").wait_for()


@pytest.fixture
def question(maja, tobias) -> str:
    """The address of a question of Maja, which Tobias answered."""
    question = maja.ask("Why is it sour?", topics="Hazel")
    tobias.answer(question, "Grind finer.")
    return question


@SCRIPTS
def test_mark_all_as_read_can_be_undone(visit, maja, question, scripts):
    page = visit("/notifications/", maja, java_script_enabled=scripts)
    expect(rows(page)).to_have_class(UNREAD)

    press(inbox(page), "Mark all as read")

    expect(status(page)).to_contain_text("All marked as read.")
    expect(rows(page)).not_to_have_class(UNREAD)
    press(status(page), "Undo")
    expect(rows(page)).to_have_class(UNREAD)
    expect(status(page)).not_to_contain_text("Undo")


@SCRIPTS
def test_row_is_marked_as_read_and_as_unread(visit, maja, question, scripts):
    page = visit("/notifications/?type=new_answer", maja, java_script_enabled=scripts)
    expect(rows(page)).to_contain_text("Unread:")

    press(rows(page), "Mark as read")

    expect(status(page)).to_contain_text("Marked as read.")
    expect(rows(page)).not_to_contain_text("Unread:")
    press(rows(page), "Mark as unread")
    expect(status(page)).to_contain_text("Marked as unread.")
    expect(rows(page)).to_have_class(UNREAD)
    expect(page).to_have_url(re.compile(r"type=new_answer"))


@SCRIPTS
@pytest.mark.parametrize("deed", ["Unfollow", "Mute"])
def test_topic_is_unfollowed_or_muted_in_its_row(visit, maja, tobias, scripts, deed):
    tobias.ask("About trees?", topics="Rowan")
    maja.follow("topic:rowan")
    tobias.ask("More trees?", topics="Rowan")
    page = visit("/notifications/", maja, java_script_enabled=scripts)
    expect(rows(page).first).to_contain_text("You follow the topic “Rowan”")

    rows(page).first.locator("summary").click()
    press(rows(page).first, f"{deed} topic Rowan")

    expect(rows(page)).to_have_count(0)
    expect(inbox(page)).to_contain_text("No notifications yet.")
    expect(status(page)).to_contain_text(" topic Rowan.")
    status(page).get_by_role("button", name="Undo").click()
    expect(rows(page)).to_have_count(1)
    expect(rows(page).first).to_contain_text("You follow the topic “Rowan”")


def test_list_without_rows_has_no_border(visit, maja, question):
    page = visit("/notifications/", maja)
    rows = inbox(page).locator("ol")
    expect(rows).to_be_visible()

    # What a script leaves when it removes the last row; without its address, the inbox
    # does not load the row again.
    rows.evaluate("""element => {
        delete element.closest("notification-inbox").dataset.url;
        element.textContent = " ";
    }""")

    expect(rows).to_be_hidden()


@SCRIPTS
def test_filters_show_matching_rows(visit, maja, tobias, question, scripts):
    maja.follow("topic:hazel")
    tobias.ask("Another?", topics="Hazel")
    page = visit("/notifications/", maja, java_script_enabled=scripts)
    expect(rows(page)).to_have_count(2)

    page.locator(".notifications-filter summary").click()
    page.get_by_label("Type").select_option("New question")
    page.get_by_role("searchbox").fill("ANOTHER")
    press(page, "Show")

    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("asked Another?")
    page.get_by_role("link", name="Clear filters").click()
    inbox(page).get_by_role("link", name="Unread 2").click()
    expect(rows(page)).to_have_count(2)
    expect(inbox(page).locator("[aria-current]")).to_have_text("Unread 2")


@SCRIPTS
def test_selected_rows_are_done_and_that_is_undone(
    visit, maja, tobias, question, scripts
):
    tobias.answer(maja.ask("Another?"), "Yes.")
    page = visit("/notifications/", maja, java_script_enabled=scripts)
    expect(inbox(page).locator(".notifications-bulk")).not_to_be_visible()
    for number in range(2):
        rows(page).nth(number).get_by_role("checkbox").check()

    press(inbox(page).locator(".notifications-bulk"), "Done")

    expect(status(page)).to_contain_text("It comes back when there is news.")
    expect(rows(page)).to_have_count(0)
    press(status(page), "Undo")
    expect(rows(page)).to_have_count(2)


@SCRIPTS
def test_row_is_saved_for_later(visit, maja, question, scripts):
    page = visit("/notifications/", maja, java_script_enabled=scripts)
    rows(page).locator("summary").click()

    press(rows(page), "Save for later")

    expect(status(page)).to_contain_text("Saved for later.")
    inbox(page).get_by_role("link", name="Saved").click()
    expect(rows(page)).to_contain_text("Why is it sour?")


def test_keys_move_between_rows_and_sort_them(visit, maja, tobias, question):
    tobias.answer(maja.ask("Another?"), "Yes.")
    page = visit("/notifications/", maja)
    wait_for_scripts(page)
    help_dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    page.get_by_role("button", name="Keyboard shortcuts").wait_for()
    page.keyboard.press("?")
    expect(help_dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(help_dialog).not_to_be_visible()

    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(rows(page).nth(1).locator(".notifications-inbox-link")).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("u")
    expect(rows(page).first).not_to_have_class(UNREAD)
    page.keyboard.press("e")

    expect(rows(page)).to_have_count(1)
    expect(rows(page).locator(".notifications-inbox-link")).to_be_focused()
    expect(rows(page)).to_contain_text("Why is it sour?")


def test_keys_work_on_the_next_page_that_turbo_shows(visit, maja, question):
    page = visit("/notifications/", maja)
    page.get_by_role("button", name="Keyboard shortcuts").wait_for()
    page.evaluate("""async () => {
        const text = await (await fetch(location)).text();
        const { body } = new DOMParser().parseFromString(text, "text/html");
        document.body.replaceWith(body);
    }""")

    page.get_by_role("button", name="Keyboard shortcuts").wait_for()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    dialog.get_by_role("checkbox").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(dialog).not_to_be_visible()
    page.get_by_role("button", name="Keyboard shortcuts").click()
    dialog.get_by_role("checkbox").check()

    goes_on = page.evaluate("""() => {
        document.querySelector("dialog").remove();
        const options = { key: "?", bubbles: true, cancelable: true };
        return document.body.dispatchEvent(new KeyboardEvent("keydown", options));
    }""")

    assert goes_on


def test_open_inbox_shows_arriving_events_in_place(visit, maja, tobias, question):
    page = visit("/notifications/", maja)
    expect(rows(page)).to_have_count(1)
    page.evaluate("window.sameDocument = true")

    tobias.answer(maja.ask("Another?"), "Yes.")

    expect(rows(page)).to_have_count(2)
    expect(rows(page).first).to_contain_text("Another?")
    expect(rows(page).first).to_have_class(re.compile("arrived"))
    tobias.answer(question, "And cooler.")
    expect(rows(page).first).to_contain_text("2 new answers to Why is it sour?")
    expect(rows(page).first).to_contain_text(f"{tobias.name}: And cooler.")
    expect(rows(page)).to_have_count(2)
    assert page.evaluate("window.sameDocument")


def test_rows_where_the_keyboard_is_stay_until_they_ask_for_the_new(
    visit, maja, tobias, question
):
    page = visit("/notifications/", maja)
    wait_for_scripts(page)
    rows(page).locator("summary").press("Enter")
    mute = rows(page).get_by_role("button", name="Mute topic Hazel")
    mute.focus()

    tobias.answer(maja.ask("Another?"), "Yes.")

    offered = inbox(page).get_by_role("button", name="1 new", exact=True)
    expect(offered).to_be_visible()
    expect(rows(page)).to_have_count(1)
    expect(mute).to_be_focused()
    expect(mute).to_be_visible()
    offered.press("Enter")
    expect(rows(page)).to_have_count(2)


def test_rows_in_view_do_not_move(visit, maja, tobias, question):
    for number in range(4):
        tobias.answer(maja.ask(f"Number {number}?"), "Yes.")
    page = visit("/notifications/", maja, viewport={"width": 600, "height": 300})
    wait_for_scripts(page)
    rows(page).last.scroll_into_view_if_needed()
    top = rows(page).last.bounding_box()["y"]

    tobias.answer(maja.ask("Another?"), "Yes.")

    expect(rows(page)).to_have_count(6)
    assert abs(rows(page).last.bounding_box()["y"] - top) < 3


def test_open_menu_of_a_row_that_changes_stays_open(visit, maja, question):
    page = visit("/notifications/", maja)
    wait_for_scripts(page)
    rows(page).locator("summary").press("Enter")
    mute = rows(page).get_by_role("button", name="Mute topic Hazel")
    mute.focus()

    maja.post("/notifications/read/", uid=rows(page).get_attribute("data-uid"))

    expect(rows(page).get_by_role("button", name="Mark as unread")).to_be_visible()
    expect(mute).to_be_focused()


def test_focus_stays_on_a_row_that_changes(visit, maja, question):
    page = visit("/notifications/", maja)
    wait_for_scripts(page)

    rows(page).get_by_role("button", name="Mark as read").press("Enter")

    expect(rows(page).get_by_role("button", name="Mark as unread")).to_be_focused()


def test_focus_moves_to_the_status_when_its_button_disappears(visit, maja, question):
    page = visit("/notifications/", maja)
    wait_for_scripts(page)

    inbox(page).get_by_role("button", name="Mark all as read").press("Enter")

    expect(status(page)).to_be_focused()
    page.keyboard.press("Tab")
    expect(status(page).get_by_role("button", name="Undo")).to_be_focused()


def test_rows_read_on_one_device_are_read_on_another(visit, maja, question):
    phone, desk = visit("/notifications/", maja), visit("/notifications/", maja)
    expect(rows(phone)).to_have_class(UNREAD)

    press(rows(desk), "Mark as read")

    expect(rows(phone)).not_to_have_class(UNREAD)


def test_opening_the_link_of_a_row_marks_it_as_read(visit, maja, question):
    page = visit("/notifications/", maja)
    wait_for_scripts(page)

    rows(page).get_by_role("link", name="Why is it sour?").click()
    expect(page.get_by_text("Grind finer.")).to_be_visible()

    page.goto("/notifications/")
    expect(rows(page)).not_to_have_class(UNREAD)


def test_row_opened_in_another_tab_is_read_in_this_one(visit, maja, question):
    page = visit("/notifications/", maja)
    wait_for_scripts(page)

    rows(page).get_by_role("link", name="Why is it sour?").click(modifiers=["Control"])

    expect(rows(page)).not_to_have_class(UNREAD)


def test_opening_the_actor_does_not_mark_a_row_as_read(visit, maja, tobias, question):
    page = visit("/notifications/", maja)
    wait_for_scripts(page)

    rows(page).get_by_role("link", name=tobias.name).click()
    expect(page.locator("h1")).to_have_text(tobias.name)

    page.goto("/notifications/")
    expect(rows(page)).to_have_class(UNREAD)


def test_opened_inbox_marks_events_as_seen(visit, maja, question):
    elsewhere = visit("/topics/", maja)
    expect(elsewhere.locator(".notifications-bell-count")).to_have_text("1")

    visit("/notifications/", maja)

    expect(elsewhere.locator(".notifications-bell-count")).to_be_hidden()


def test_filtered_inbox_does_not_mark_events_as_seen(visit, maja, question):
    page = visit("/notifications/?type=new_question", maja)
    wait_for_scripts(page)

    page.wait_for_timeout(600)

    expect(page.locator(".notifications-bell-count")).to_have_text("1")


@SCRIPTS
def test_preferences_are_saved(visit, maja, scripts):
    page = visit("/notifications/preferences/", maja, java_script_enabled=scripts)
    group = page.get_by_role("group", name="New answer")
    expect(group.get_by_label("In the inbox and live")).to_be_checked()

    group.get_by_label("Only in the inbox").check()
    press(page, "Save")

    expect(page.get_by_text("Your preferences have been saved.")).to_be_visible()
    expect(group.get_by_label("Only in the inbox")).to_be_checked()


@SCRIPTS
def test_follows_are_changed_on_the_preferences_page(visit, maja, tobias, scripts):
    tobias.ask("First?", topics="Yew")
    maja.follow("topic:yew")
    page = visit("/notifications/preferences/", maja, java_script_enabled=scripts)
    row = page.get_by_role("listitem").filter(has_text="Yew")
    main = row.locator("form > button")
    expect(main).to_have_text("Following")

    row.locator("summary").click()
    press(row, "Watch")

    expect(main).to_have_text("Watching")
    expect(row.locator("details")).not_to_have_attribute("open", "")
    main.click()
    if scripts:
        expect(main).to_have_text("Watch")
    page.goto("/notifications/preferences/")
    expect(row).to_have_count(0)


def test_rows_that_somebody_points_at_stay_until_they_ask_for_the_new(
    visit, maja, tobias, question
):
    other = maja.ask("Why is it bitter?", topics="Hazel")
    page = visit("/notifications/", maja)
    wait_for_scripts(page)
    expect(rows(page)).to_have_count(1)
    rows(page).first.hover()
    place = rows(page).first.bounding_box()

    tobias.answer(other, "Grind coarser.")

    offered = inbox(page).get_by_role("button", name="1 new", exact=True)
    expect(offered).to_have_attribute("data-turbo-temporary", "")
    expect(rows(page)).to_have_count(1)
    assert rows(page).first.bounding_box() == place
    # The pointer stays on the row.
    offered.press("Enter")
    expect(rows(page)).to_have_count(2)
    expect(offered).to_have_count(0)
