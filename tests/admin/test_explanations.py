"""The section "Who got this?" on the admin's page of an event."""

import pytest
from django.urls import reverse

from notifications.api import Actor
from notifications.inbox.announcements import announce
from notifications.models import Follow, Preference
from notifications.publishing.followables import follow
from tests.users import User, unsaved_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def event(maja, tobias, espresso):
    """An event that maja is notified about, and tobias is not."""
    follow(maja, "topic:espresso")
    return announce("A new grinder", topic="topic:espresso")


def shown(client, event, **query):
    url = reverse("admin:notifications_event_change", args=[event.pk])
    return client.get(url, query).content.decode()


def test_event_lists_its_recipients_and_the_reasons(admin_client, event, maja):
    page = shown(admin_client, event)

    assert "1 person is notified about this" in page
    assert f'<a href="?user={maja.pk}#who-got-it">maja</a>' in page
    assert "Follows topic Espresso [topic:espresso] (since" in page
    assert "tobias" not in page
    assert "@" not in page.partition("who-got-it")[2]


def test_event_without_recipients_says_so(admin_client):
    page = shown(admin_client, announce("A new grinder", topic="topic:espresso"))

    assert "No one is notified about this." in page


@pytest.mark.parametrize("by", [User.USERNAME_FIELD, "pk"])
def test_event_is_explained_for_a_recipient(admin_client, event, maja, by):
    page = shown(admin_client, event, person=getattr(maja, by))

    assert (
        "<strong>maja</strong> is notified about this, in the inbox and live." in page
    )
    assert "Not seen yet." in page


def test_event_is_explained_for_a_person_who_is_not_notified(
    admin_client, event, tobias
):
    page = shown(admin_client, event, person=tobias.get_username())

    assert "<strong>tobias</strong> is not notified about this." in page
    assert "Reasons not to notify" in page
    assert "Follows none of the event&#x27;s topics." in page


def test_event_is_explained_for_an_inbox_only_recipient(admin_client, event, maja):
    Preference.objects.set(maja, "announcement", "inbox")

    page = shown(admin_client, event, person=maja.get_username())

    assert "<strong>maja</strong> is notified about this, only in the inbox." in page


@pytest.mark.parametrize("name", ["<b>", "99999", "9" * 40, "\x00"])
def test_unknown_name_finds_nobody(admin_client, event, name):
    page = shown(admin_client, event, person=name)

    assert "There is no user with the username or ID" in page
    assert "<b>" not in page


def test_username_takes_precedence_over_an_id(admin_client, event, maja, tobias):
    User.objects.filter(pk=tobias.pk).update(**{User.USERNAME_FIELD: str(maja.pk)})

    page = shown(admin_client, event, person=str(maja.pk))

    assert "is not notified about this." in page


def test_link_of_a_recipient_finds_them_whatever_others_are_named(
    admin_client, event, maja, tobias
):
    User.objects.filter(pk=tobias.pk).update(**{User.USERNAME_FIELD: str(maja.pk)})

    page = shown(admin_client, event, user=maja.pk)

    assert "<strong>maja</strong> is notified about this" in page


def test_people_are_shown_as_the_site_shows_them(admin_client, event, maja, settings):
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "ACTOR": lambda users: {user.pk: Actor(f"M & {user.pk}") for user in users},
    }

    page = shown(admin_client, event, user=maja.pk)

    assert f"<strong>M &amp; {maja.pk}</strong> is notified about this" in page
    assert f'#who-got-it">M &amp; {maja.pk}</a>' in page


def test_list_of_recipients_has_a_limit(
    admin_client, event, maja, django_assert_max_num_queries
):
    people = User.objects.bulk_create(
        unsaved_user(f"number-{each}") for each in range(60)
    )
    since = Follow.objects.get(user=maja).created
    Follow.objects.bulk_create(
        Follow(user=each, topic="topic:espresso", created=since) for each in people
    )

    with django_assert_max_num_queries(25):
        page = shown(admin_client, event, person=maja.get_username())

    assert "61 people are notified about this" in page
    assert page.count("?user=") == 50
    assert "and 11 more" in page


def test_explanations_need_the_permission_to_view_events(client, make_staff, event):
    client.force_login(make_staff("send_announcement"))

    url = reverse("admin:notifications_event_change", args=[event.pk])

    assert client.get(url, {"person": "maja"}).status_code == 403


@pytest.mark.parametrize("inline", ["<script>", "<style>", " style=", " onclick="])
def test_page_has_no_inline_script_or_style(client, sender, event, maja, inline):
    assert inline not in shown(client, event, person=maja.get_username())
