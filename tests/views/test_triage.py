"""Done, saved, filters, search and pages of the inbox over HTTP, without scripts."""

import re

import pytest

from notifications.models import Follow
from tests.streaming import record

pytestmark = pytest.mark.django_db(transaction=True)

INBOX, READ, ROWS = "/notifications/", "/notifications/read/", "/notifications/rows/"
JSON = {"Accept": "application/json"}


@pytest.fixture(autouse=True)
def follows_milk(maja):
    Follow.objects.set_level(maja, "topic:milk", "follow")


def titles(client, address=INBOX):
    rows = client.get(address, headers=JSON).json()["events"]
    return [each["title"] for each in rows]


def events(*names):
    return [
        record("topic:milk", title=name, number=number)
        for number, name in enumerate(names)
    ]


def test_selected_rows_are_done_and_that_is_undone(as_maja):
    first, second, _ = events("One", "Two", "Three")

    response = as_maja.post(
        f"{ROWS}?do=done", {"row": [first.uid, second.uid], "next": INBOX}, follow=True
    )

    assert titles(as_maja) == ["Three"]
    assert titles(as_maja, f"{INBOX}?view=done") == ["Two", "One"]
    assert "It comes back when there is news." in response.text
    undo = re.search(r'name="undo" value="([^"]+)"', response.text)[1]
    as_maja.post(READ, {"undo": undo})
    assert titles(as_maja) == ["Three", "Two", "One"]


def test_single_row_is_changed_whatever_is_selected(as_maja):
    first, second = events("One", "Two")

    as_maja.post(f"{ROWS}?do=save", {"uid": first.uid, "row": [second.uid]})

    assert titles(as_maja, f"{INBOX}?view=saved") == ["One"]
    as_maja.post(f"{ROWS}?do=unsave", {"uid": first.uid})
    assert titles(as_maja, f"{INBOX}?view=saved") == []


@pytest.mark.parametrize(
    ("query", "form"), [("do=explode", {}), ("do=done", {"row": "x"}), ("", {})]
)
def test_invalid_change_of_rows_is_refused(as_maja, query, form):
    assert as_maja.post(f"{ROWS}?{query}", form).status_code == 400


def test_row_of_another_inbox_is_refused(as_maja):
    foreign = record("topic:tamping")

    assert as_maja.post(f"{ROWS}?do=done", {"uid": foreign.uid}).status_code == 400


def test_mark_all_as_read_reads_what_the_filter_shows(as_maja):
    newest = events("Milk", "Oats", "More milk")[-1]
    page = as_maja.get(f"{INBOX}?q=milk&type=")
    assert "Mark these as read" in page.text
    [filters] = re.findall(r'name="filters" value="([^"]*)"', page.text)

    as_maja.post(READ, {"up_to": newest.uid, "filters": filters})

    assert titles(as_maja, f"{INBOX}?unread=1") == ["Oats"]


def test_pages_lead_to_newer_and_older_ones(as_maja):
    events(*map(str, range(7)))

    def links(page):
        return {
            rel: address.replace("&amp;", "&")
            for rel, address in re.findall(
                r'<a [^>]*rel="(\w+)" href="([^"]+)"', page.text
            )
        }

    def show(address):
        # Links to pages do not have the limit.
        return as_maja.get(f"{address}{'&' if '?' in address else '?'}limit=3")

    first = show(INBOX)
    second = show(links(first)["next"])
    third = show(links(second)["next"])

    assert links(first).keys() == {"next"}
    assert links(third).keys() == {"prev"}
    back = show(links(third)["prev"])
    assert titles_shown(back) == titles_shown(second) == ["3", "2", "1"]
    start = show(links(back)["prev"])
    assert titles_shown(start) == ["6", "5", "4"]


def titles_shown(page):
    return re.findall(r'class="notifications-inbox-link"[^>]*>([^<]*)<', page.text)


@pytest.mark.parametrize(
    "query", ["view=all", "topic=a b", "reason=A", "type=A", "before=1-1&trail=x"]
)
def test_invalid_filter_is_refused(as_maja, query):
    assert as_maja.get(f"{INBOX}?{query}").status_code == 400


def test_filters_offer_the_topics_of_the_rows_and_the_reasons_for_them(as_maja):
    events("Milk")

    page = as_maja.get(f"{INBOX}?reason=topic&topic=topic:milk")

    assert '<option value="topic:milk" selected>' in page.text
    assert '<option value="topic" selected>Topic</option>' in page.text
    assert titles_shown(page) == ["Milk"]
