"""The template tags, each on a page of its own."""

import re
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.exceptions import ImproperlyConfigured
from django.template import engines

from notifications.exceptions import InvalidTopic, NotFollowable, UnknownEventType
from notifications.log.presence import Roster
from notifications.publishing.followables import follow
from project.qa.models import Answer, Topic
from tests.streaming import record
from tests.templatetags.questions import ask


@pytest.fixture
def render(rf):
    """Render one tag on a page that this person looks at."""

    def render(tag, user=None, path="/here/?page=2", cursor="7-0", **context):
        request = rf.get(path)
        request.user = user or AnonymousUser()
        request.notifications_cursor = cursor
        template = engines["django"].from_string("{% load notifications %}" + tag)
        return template.render(context, request)

    return render


# The head


def test_head_has_the_cursor_of_the_page(render):
    page = render("{% notification_head %}")

    assert 'content="/notifications/stream/"' in page
    assert 'data-cursor="7-0"' in page
    assert "new_answer new_question" in page
    assert 'data-user=""' in page
    assert '<script type="module" src="/static/notifications/main.js">' in page
    assert 'href="/static/notifications/notifications.css"' in page


def test_head_preloads_what_the_script_imports(render):
    page = render("{% notification_head %}")

    link = '<link rel="modulepreload" href="/static/notifications/tabs.js">'
    assert link in page
    assert page.index(link) < page.index("<script")


@pytest.mark.parametrize(("imports", "name"), [(True, "tabs.1.js"), (False, "tabs.js")])
def test_head_preloads_the_names_that_modules_import(
    render, monkeypatch, imports, name
):
    storage = HashedNames()
    storage.support_js_module_import_aggregation = imports
    monkeypatch.setattr(staticfiles_storage, "_wrapped", storage)

    page = render("{% notification_head %}")

    assert 'src="/files/notifications/main.1.js"' in page
    assert f'rel="modulepreload" href="/files/notifications/{name}"' in page


class HashedNames:
    """A storage whose hashes are 1."""

    def url(self, name):
        return f"/files/{name}".replace(".js", ".1.js")


def test_head_has_the_key_of_the_user(render, maja):
    assert f'data-user="{maja.pk}"' in render("{% notification_head %}", maja)


def test_head_has_times_as_plain_milliseconds(render, settings):
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "RETRY_INTERVAL": "0.5",
        "HEARTBEAT_INTERVAL": "1200",
    }
    settings.USE_THOUSAND_SEPARATOR = True

    page = render("{% notification_head %}")

    assert 'data-retry="500" data-heartbeat="1200000"' in page


def test_tags_add_no_inline_script_or_style(render, maja, espresso):
    page = render(
        "{% notification_head %}{% notification_bell %}{% follow_button topic %}"
        '{% new_items_banner topic "new_question" %}',
        maja,
        topic=espresso,
    )

    assert re.findall("<script[^>]*>", page) == [
        '<script type="module" src="/static/notifications/main.js">'
    ]
    assert re.findall(r"\son[a-z]+=", re.sub(r'"[^"]*"', "", page)) == []
    assert "style=" not in page


@pytest.mark.parametrize(
    "tag",
    [
        "{% notification_head %}",
        "{% notification_bell %}",
        "{% follow_button topic %}",
        '{% new_items_banner topic "new_question" %}',
    ],
)
def test_tag_without_a_request_names_the_missing_context_processor(tag, espresso):
    template = engines["django"].from_string("{% load notifications %}" + tag)

    with pytest.raises(ImproperlyConfigured, match=r"context_processors\.request"):
        template.render({"topic": espresso})


def test_page_without_a_user_is_shown(rf, espresso):
    template = engines["django"].from_string(
        "{% load notifications %}{% notification_head %}{% notification_bell %}"
        "{% follow_button topic %}"
    )

    page = template.render({"topic": espresso}, rf.get("/"))

    assert 'data-user=""' in page
    assert 'data-cursor=""' in page


# The bell


def test_bell_is_hidden_from_anonymous_users(render):
    assert render("{% notification_bell %}").strip() == ""


def test_bell_without_unseen_events_has_no_number(render, maja):
    page = render("{% notification_bell %}", maja)

    assert 'type="submit" aria-label="Notifications"' in page
    assert '<span class="notifications-bell-count" hidden>' in page


def test_bell_counts_unseen_events(render, maja, tobias, espresso):
    follow(maja, "topic:espresso")
    for _ in range(3):
        ask(tobias, espresso)

    page = render("{% notification_bell %}", maja, cursor="")

    assert 'aria-label="Notifications, 3 new"' in page
    assert '<span class="notifications-bell-count">3</span>' in page


def test_bell_counts_to_a_limit(render, maja, tobias):
    follow(maja, "user:9")
    for number in range(101):
        record("user:9", number=number)

    page = render("{% notification_bell %}", maja, cursor="")

    assert 'aria-label="Notifications, 99+ new"' in page
    assert '<span class="notifications-bell-count">99+</span>' in page
    assert 'data-limit="100"' in page


def test_bell_counts_rows(render, maja):
    follow(maja, "user:9")
    for question in (1, 1, 2):
        record("user:9", number=question)

    page = render("{% notification_bell %}", maja, cursor="")

    assert 'aria-label="Notifications, 2 new"' in page


def test_bell_without_scripts_is_a_form_that_marks_everything_as_seen(render, maja):
    page = render("{% notification_bell %}", maja)

    assert '<form method="post" action="/notifications/seen/">' in page
    assert 'name="csrfmiddlewaretoken"' in page
    assert "aria-expanded" not in page
    assert 'id="notifications-panel" popover role="dialog"' in page


def test_two_bells_have_panels_of_their_own(render, maja):
    page = render("{% notification_bell %}{% notification_bell %}", maja)

    ids = re.findall(r' id="(.+?)"', page)
    assert len(ids) == len({*ids}) == 4
    assert re.findall('aria-labelledby="(.+?)"', page) == ids[1::2]


# The follow button


def test_button_offers_to_follow(render, maja, espresso):
    page = render("{% follow_button topic %}", maja, topic=espresso)

    assert 'action="/notifications/follows/topic:espresso/"' in page
    assert 'name="csrfmiddlewaretoken"' in page
    assert 'name="next" value="/here/?page=2"' in page
    assert main_button(page) == ("follow", "false", "Follow Espresso", "Follow")


@pytest.mark.parametrize(
    ("level", "state"),
    [("follow", "Following"), ("watch", "Watching"), ("mute", "Muted")],
)
def test_button_shows_the_level_and_offers_to_unfollow(
    render, maja, espresso, level, state
):
    follow(maja, "topic:espresso", level=level)

    page = render("{% follow_button topic %}", maja, topic=espresso)

    assert main_button(page) == ("none", "true", f"{state} Espresso", state)


def test_button_of_a_topic_that_is_muted_for_a_time_says_until_when(
    render, maja, espresso, settings
):
    settings.USE_TZ, settings.TIME_ZONE = True, "Asia/Tokyo"
    follow(maja, "topic:espresso", level="watch")
    end = datetime(2090, 3, 4, 20, 15, tzinfo=UTC)
    follow(maja, "topic:espresso", level="mute", until=end)

    page = render("{% follow_button topic %}", maja, topic=espresso)

    state = "Muted until March 5, 05:15"
    assert main_button(page) == ("watch", "true", f"{state} Espresso", state)
    assert 'formaction="/notifications/follows/topic:espresso/?hours=168"' in page


@pytest.mark.parametrize("level", ["watch", "follow", "mute", "none"])
def test_menu_of_the_button_marks_the_current_level(render, maja, espresso, level):
    if level != "none":
        follow(maja, "topic:espresso", level=level)

    page = render("{% follow_button topic %}", maja, topic=espresso)

    choices = re.findall(r'value="(\w+)" aria-pressed="(\w+)" data-state', page)
    assert [value for value, _ in choices] == ["watch", "follow", "mute", "none"]
    assert [value for value, pressed in choices if pressed == "true"] == [level]


def main_button(page):
    """Return the value, state, label and text of the main button."""
    pattern = (
        r'value="(\w+)" data-level="\w+" data-action="\w*" aria-pressed="(\w+)" '
        r'aria-label="(.+?)"><span>(.+?)</span>'
    )
    return re.search(pattern, page).groups()


def test_button_takes_a_topic_and_a_name(render, maja):
    page = render('{% follow_button "topic:oak" name="topic Oak" %}', maja)

    assert 'action="/notifications/follows/topic:oak/"' in page
    assert 'aria-label="Follow topic Oak"' in page


def test_button_of_a_topic_without_a_name_shows_the_topic(render, maja):
    page = render('{% follow_button "topic:oak" %}', maja)

    assert 'aria-label="Follow topic:oak"' in page


def test_button_of_an_invalid_topic_raises(render, maja):
    with pytest.raises(InvalidTopic):
        render('{% follow_button "oak" %}', maja)


def test_button_leads_anonymous_users_to_sign_in_and_back(render, espresso):
    page = render("{% follow_button topic %}", topic=espresso)

    assert 'href="/login/?next=/here/%3Fpage%3D2"' in page
    assert "<form" not in page


def test_thirty_buttons_take_one_query(
    render, maja, espresso, django_assert_num_queries
):
    tag = "{% for _ in times %}{% follow_button topic %}{% endfor %}"

    with django_assert_num_queries(1):
        page = render(tag, maja, topic=espresso, times=range(30))

    assert page.count("<form") == 30


def test_name_on_the_button_is_escaped(render, maja):
    topic = Topic(slug="x", name='"><script>alert(1)</script>')

    page = render("{% follow_button topic %}", maja, topic=topic)

    assert "<script>" not in page
    assert 'aria-label="Follow &quot;&gt;&lt;script&gt;' in page


def test_button_of_an_object_that_is_not_followable_raises(render, maja):
    with pytest.raises(NotFollowable):
        render("{% follow_button answer %}", maja, answer=Answer())


# The banner


def test_banner_has_the_topic_of_its_object(render, espresso):
    page = render('{% new_items_banner topic "new_question" %}', topic=espresso)

    assert 'data-notifications-topic="topic:espresso"' in page
    assert 'data-event="new_question"' in page
    assert 'data-one="%d new question" data-many="%d new questions"' in page


def test_banner_takes_a_selector(render):
    page = render('{% new_items_banner "topic:*" "new_question" %}')

    assert 'data-notifications-topic="topic:*"' in page


def test_banner_takes_texts(render):
    page = render(
        '{% new_items_banner "topic:*" "new_question" one=one many="%d more" %}',
        one="%d <new>",
    )

    assert 'data-one="%d &lt;new&gt;" data-many="%d more"' in page


def test_banner_has_the_id_of_its_target(render):
    page = render('{% new_items_banner "topic:*" "new_question" target="items" %}')

    assert 'data-target="items"' in page


def test_banner_is_hidden_from_users_who_may_not_stream_the_topic(render, settings):
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "AUTHORIZE": lambda user, topic: topic != "topic:*",
    }

    page = render('{% new_items_banner "topic:*" "new_question" %}')

    assert page.strip() == ""


def test_banner_of_an_invalid_topic_raises(render):
    with pytest.raises(InvalidTopic):
        render('{% new_items_banner "espresso" "new_question" %}')


def test_banner_of_an_unknown_event_type_raises(render):
    with pytest.raises(UnknownEventType):
        render('{% new_items_banner "topic:*" "new_car" %}')


# Presence


@pytest.fixture
def present(log, maja):
    """A person who is present on a topic."""
    maja.username = maja.name = "<b>maja</b>"
    maja.save()
    roster = Roster([str(maja.pk)], others=1)
    log.presence_store().replace("p1", {"room:espresso": roster})
    return maja


def test_presence_shows_names_as_text_and_the_number(render, present):
    page = render('{% presence "room:espresso" %}')

    assert '<live-presence data-notifications-topic="room:espresso"' in page
    assert "2 people are here" in page
    assert "&lt;b&gt;maja&lt;/b&gt;" in page


def test_presence_is_empty_while_nobody_is_there(render, db):
    page = render('{% presence "room:espresso" %}')

    assert '<span class="notifications-presence-count"></span>' in page


def test_presence_shows_nothing_of_kinds_without_it(render, db, espresso):
    assert not render("{% presence topic %}", topic=espresso).strip()


def test_presence_shows_nothing_to_those_who_may_not_see_the_topic(
    render, present, settings
):
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "AUTHORIZE": lambda user, topic: False,
    }

    assert not render('{% presence "room:espresso" %}').strip()


def test_page_is_shown_while_redis_is_away(render, db, no_redis):
    assert "<live-presence" in render('{% presence "room:espresso" %}')


# Marking as read


def test_page_of_an_object_names_its_topic_to_the_script(render, maja, espresso):
    page = render("{% mark_read topic %}", maja, topic=espresso, csrf_token="t")

    assert 'data-notifications-topic="topic:espresso"' in page
    assert 'data-url="/notifications/read/"' in page
    assert 'name="csrfmiddlewaretoken"' in page


def test_nothing_is_marked_for_people_who_are_not_signed_in(render, espresso):
    assert not render("{% mark_read topic %}", topic=espresso).strip()
