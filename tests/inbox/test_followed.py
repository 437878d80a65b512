import pytest
from django.db import connection
from django.urls import reverse

from notifications.inbox import followed
from notifications.inbox.followed import followed_page
from notifications.models import Follow
from project.qa.models import Topic

pytestmark = pytest.mark.django_db


@pytest.fixture
def topics(maja):
    """Four topics, which maja follows."""
    made = [
        Topic.objects.create(slug=slug, name=slug.title())
        for slug in ("oat", "elm", "ash", "fir")
    ]
    for each in made:
        Follow.objects.set_level(maja, f"topic:{each.slug}", "follow")
    return made


def names(page):
    return [
        (group.label, [each.name for each in group.things]) for group in page.groups
    ]


def test_follows_are_grouped_by_kind_and_linked(maja, tobias, topics):
    Follow.objects.set_level(maja, f"user:{tobias.pk}", "watch")
    Follow.objects.set_level(maja, "unknown:1", "follow")

    page = followed_page(maja)

    assert names(page) == [
        ("topics", ["Ash", "Elm", "Fir", "Oat"]),
        ("unknown", ["unknown:1"]),
        (str(tobias._meta.verbose_name_plural), ["tobias"]),
    ]
    [ash, *_] = page.groups[0].things
    assert (ash.url, ash.label) == (topics[2].get_absolute_url(), "topic Ash")
    assert page.groups[1].things[0].url == ""
    assert page.next == ""


def test_pages_follow_each_other_without_a_gap(maja, topics, monkeypatch):
    monkeypatch.setattr(followed, "PAGE_FOLLOWS", 3)

    first = followed_page(maja)
    second = followed_page(maja, after=first.next)

    assert names(first) == [("topics", ["Ash", "Elm", "Fir"])]
    assert names(second) == [("topics", ["Oat"])]
    assert second.next == ""


@pytest.mark.parametrize("query", ["ELM", "topic:el", "topic elm"])
def test_search_compares_labels_and_topics(maja, topics, query):
    assert names(followed_page(maja, query=query)) == [("topics", ["Elm"])]


def test_search_reads_a_bounded_number_of_follows(maja, topics, monkeypatch):
    monkeypatch.setattr(followed, "SEARCHED_FOLLOWS", 2)

    first = followed_page(maja, query="oat")
    second = followed_page(maja, query="oat", after=first.next)

    assert (names(first), first.next) == ([], "topic:elm")
    assert (names(second), second.next) == ([("topics", ["Oat"])], "")


def test_search_with_many_results_has_pages(maja, topics, monkeypatch):
    monkeypatch.setattr(followed, "PAGE_FOLLOWS", 1)

    page = followed_page(maja, query="topic")

    assert (names(page), page.next) == ([("topics", ["Ash"])], "topic:ash")


def test_follows_of_others_are_not_shown(maja, tobias, topics):
    assert followed_page(tobias).groups == []


def test_search_does_not_reveal_names_that_are_not_allowed(maja, topics, settings):
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "AUTHORIZE": lambda user, topic: False,
    }
    Topic.objects.filter(slug="elm").update(name="Secret")

    assert followed_page(maja, query="Secret").groups == []


def test_page_is_read_by_index(maja, topics):
    rows = Follow.objects.filter(user=maja, topic__gt="topic:a").order_by("topic")

    if connection.vendor == "sqlite":
        plan = rows[:51].explain()
        assert "(user_id=? AND topic>?)" in plan
        assert "TEMP B-TREE" not in plan


def test_preferences_are_searched_and_paged(client, maja, topics, monkeypatch):
    monkeypatch.setattr(followed, "PAGE_FOLLOWS", 3)
    client.force_login(maja)
    url = reverse("notifications:preferences")

    first = client.get(url).content.decode()
    second = client.get(url, {"after": "topic:fir"}).content.decode()
    found = client.get(url, {"q": "oat"}).content.decode()
    nothing = client.get(url, {"q": "<b>\0"}).content.decode()

    assert 'href="?q=&amp;after=topic%3Afir#notifications-followed"' in first
    assert ">Ash</a>" in first
    assert ">Oat</a>" not in first
    assert ">Oat</a>" in second
    assert "Next page" not in second
    assert ">Oat</a>" in found
    assert ">Ash</a>" not in found
    assert "contains “&lt;b&gt;" in nothing
