import json
import re

import msgspec
import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.template import engines
from django.template.loader import render_to_string
from django.test import override_settings

from notifications import outbox
from notifications.events import EventType, event_type, follow
from notifications.exceptions import InvalidTopic, NotFollowable, UnknownEventType
from notifications.models import Event, ReadState
from project.qa.models import Answer, Question, Topic


@pytest.fixture
def maja(db):
    return User.objects.create_user("maja")


@pytest.fixture
def tobias(db):
    return User.objects.create_user("tobias")


@pytest.fixture
def espresso(db):
    return Topic.objects.create(slug="espresso", name="Espresso")


@pytest.fixture
def render(rf):
    """Render one tag on a page that this person looks at."""

    def render(tag, user=None, path="/here/?page=2", **context):
        request = rf.get(path)
        request.user = user or AnonymousUser()
        request.notifications_cursor = "7-0"
        template = engines["django"].from_string("{% load notifications %}" + tag)
        return template.render(context, request)

    return render


def ask(author, *topics, title="Why?"):
    question = Question.objects.create(title=title, body="b", author=author)
    question.topics.add(*topics)
    return question


# The head


def test_head_says_where_the_stream_starts(render):
    page = render("{% notification_head %}")

    assert 'content="/notifications/stream/" data-cursor="7-0"' in page
    assert 'data-events="new_answer new_question' in page
    assert 'data-signed-in="false"' in page
    assert '<script type="module" src="/static/notifications/main.js">' in page


def test_head_says_that_somebody_is_signed_in(render, maja):
    assert 'data-signed-in="true"' in render("{% notification_head %}", maja)


def test_head_gives_times_as_plain_milliseconds(render, settings):
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "RETRY_INTERVAL": "0.5",
        "HEARTBEAT_INTERVAL": "1200",
    }
    settings.USE_THOUSAND_SEPARATOR = True

    page = render("{% notification_head %}")

    assert 'data-retry="500" data-heartbeat="1200000"' in page


def test_no_script_stands_in_the_page(render, maja, espresso):
    page = render(
        "{% notification_head %}{% notification_bell %}{% follow_button topic %}"
        '{% new_items_banner topic "new_question" %}',
        maja,
        topic=espresso,
    )

    assert re.findall("<script[^>]*>", page) == [
        '<script type="module" src="/static/notifications/main.js">'
    ]
    assert " on" not in re.sub(r'"[^"]*"', "", page)
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
def test_page_without_the_request_is_told_what_to_add(tag, espresso):
    template = engines["django"].from_string("{% load notifications %}" + tag)

    with pytest.raises(ImproperlyConfigured, match=r"context_processors\.request"):
        template.render({"topic": espresso})


def test_page_without_a_known_person_is_shown(rf, espresso):
    template = engines["django"].from_string(
        "{% load notifications %}{% notification_head %}{% notification_bell %}"
        "{% follow_button topic %}"
    )

    page = template.render({"topic": espresso}, rf.get("/"))

    assert 'data-signed-in="false"' in page
    assert 'data-cursor=""' in page


# The bell


def test_nobody_signed_in_has_no_bell(render):
    assert render("{% notification_bell %}").strip() == ""


def test_bell_shows_no_number_when_all_is_read(render, maja):
    page = render("{% notification_bell %}", maja)

    assert 'href="/notifications/" aria-label="Notifications"' in page
    assert '<span class="bell-count" hidden>' in page


def test_bell_counts_what_is_unread(render, maja, tobias, espresso):
    follow(maja, "topic:espresso")
    for _ in range(3):
        ask(tobias, espresso)

    page = render("{% notification_bell %}", maja)

    assert 'aria-label="Notifications, 3 unread"' in page
    assert '<span class="bell-count">3</span>' in page


def test_bell_counts_to_a_limit(render, maja, tobias):
    follow(maja, "user:9")
    for number in range(101):
        outbox.record(
            event_type("new_question"),
            topics=["user:9"],
            payload={"question_id": number, "title": "T", "url": "/"},
        )

    page = render("{% notification_bell %}", maja)

    assert 'aria-label="Notifications, 99+ unread"' in page
    assert '<span class="bell-count">99+</span>' in page
    assert 'data-limit="100"' in page


# The follow button


def test_button_offers_to_follow(render, maja, espresso):
    page = render("{% follow_button topic %}", maja, topic=espresso)

    assert 'action="/notifications/follows/topic:espresso/"' in page
    assert 'name="csrfmiddlewaretoken"' in page
    assert 'name="next" value="/here/?page=2"' in page
    assert 'name="level" value="follow"' in page
    assert 'aria-pressed="false" aria-label="Follow Espresso">Follow<' in page


@pytest.mark.parametrize("level", ["follow", "watch"])
def test_button_offers_to_stop(render, maja, espresso, level):
    follow(maja, "topic:espresso", level=level)

    page = render("{% follow_button topic %}", maja, topic=espresso)

    assert 'name="level" value="none"' in page
    assert 'aria-pressed="true" aria-label="Following Espresso">Following<' in page


def test_muted_topic_can_be_followed(render, maja, espresso):
    follow(maja, "topic:espresso", level="mute")

    page = render("{% follow_button topic %}", maja, topic=espresso)

    assert 'name="level" value="follow"' in page


def test_stranger_is_led_to_sign_in_and_back(render, espresso):
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


def test_names_are_escaped(render, maja):
    topic = Topic(slug="x", name='"><script>alert(1)</script>')

    page = render("{% follow_button topic %}", maja, topic=topic)

    assert "<script>" not in page
    assert 'aria-label="Follow &quot;&gt;&lt;script&gt;' in page


def test_what_cannot_be_followed_is_named(render, maja):
    with pytest.raises(NotFollowable):
        render("{% follow_button answer %}", maja, answer=Answer())


# The banner


def test_banner_waits_for_events_of_its_topic(render, espresso):
    page = render('{% new_items_banner topic "new_question" %}', topic=espresso)

    assert 'data-notifications-topic="topic:espresso"' in page
    assert 'data-event="new_question"' in page
    assert 'data-one="%d new question" data-many="%d new questions"' in page


def test_banner_waits_for_events_of_a_kind(render):
    page = render('{% new_items_banner "topic:*" "new_question" %}')

    assert 'data-notifications-topic="topic:*"' in page


def test_banner_says_what_the_page_wants(render):
    page = render(
        '{% new_items_banner "topic:*" "new_question" one=one many="%d more" %}',
        one="%d <new>",
    )

    assert 'data-one="%d &lt;new&gt;" data-many="%d more"' in page


def test_banner_is_left_out_for_who_may_not_stream(render, settings):
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "AUTHORIZE": lambda user, topic: topic != "topic:*",
    }

    page = render('{% new_items_banner "topic:*" "new_question" %}')

    assert page.strip() == ""


def test_banner_of_no_topic_is_refused(render):
    with pytest.raises(InvalidTopic):
        render('{% new_items_banner "espresso" "new_question" %}')


def test_banner_of_an_unknown_event_is_refused(render):
    with pytest.raises(UnknownEventType):
        render('{% new_items_banner "topic:*" "new_car" %}')


# The inbox


@pytest.fixture
def as_maja(client, maja):
    client.force_login(maja)
    follow(maja, "topic:espresso")
    return client


def inbox(client, query=""):
    return client.get(f"/notifications/{query}").content.decode()


def test_inbox_says_who_did_what(as_maja, tobias, espresso):
    question = ask(tobias, espresso, title="Why <sour>?")

    page = inbox(as_maja)

    assert '<li class="inbox-item unread">' in page
    assert ">tobias</a> asked " in page
    assert f'<a href="/questions/{question.pk}/">Why &lt;sour&gt;?</a>' in page


def test_inbox_shows_the_beginning_of_an_answer(as_maja, maja, tobias):
    question = ask(maja)
    answer = Answer.objects.create(question=question, author=tobias, body="Grind <b>.")

    page = inbox(as_maja)

    assert f'<a href="/questions/{question.pk}/#answer-{answer.pk}">Why?</a>' in page
    assert "Grind &lt;b&gt;." in page


def test_inbox_names_nobody_whose_account_is_gone(as_maja, tobias, espresso):
    ask(tobias, espresso)
    tobias.delete()

    assert "Somebody asked" in inbox(as_maja)


def test_empty_inbox_says_what_will_come(as_maja):
    page = inbox(as_maja)

    assert "Nothing yet." in page
    assert "Mark all as read" not in page


def test_inbox_is_marked_as_read_up_to_what_it_shows(as_maja, tobias, espresso):
    ask(tobias, espresso)
    ask(tobias, espresso)
    newest = Event.objects.latest("pk")

    page = inbox(as_maja)
    as_maja.post("/notifications/read/", {"up_to": newest.uid})

    assert f'name="up_to" value="{newest.uid}"' in page
    assert "Mark all as read" not in inbox(as_maja)
    assert "inbox-item unread" not in inbox(as_maja)


def test_inbox_leads_to_older_events(as_maja, tobias, espresso):
    for number in range(31):
        ask(tobias, espresso, title=f"Number {number}?")

    first = inbox(as_maja)
    query = re.search(r'rel="next" href="(\?before=\d+)"', first)[1]

    assert "Number 0?" not in first
    assert "Number 0?" in inbox(as_maja, query)


def test_page_of_the_inbox_takes_few_queries(
    as_maja, maja, tobias, espresso, django_assert_max_num_queries
):
    for _ in range(20):
        ask(tobias, espresso)
    ReadState.advance(maja, 1)

    with django_assert_max_num_queries(10):
        inbox(as_maja)


class NewPhoto(msgspec.Struct):
    title: str = ""
    url: str = ""


@pytest.fixture
def photo(as_maja):
    """Publish an event of a type that the site has no template for."""
    new_photo = EventType("new_photo", NewPhoto, label="New photo")

    def publish(**payload):
        outbox.record(new_photo, topics=["topic:espresso"], payload=payload)
        return inbox(as_maja)

    yield publish
    del EventType.registry["new_photo"]


def test_event_without_a_template_shows_its_title(photo):
    page = photo(title="A <cup>", url="/photos/1/")

    assert "New photo" in page
    assert '<a href="/photos/1/">A &lt;cup&gt;</a>' in page


def test_event_with_next_to_nothing_is_shown(photo):
    assert "<p>New photo</p>" in photo()


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "x"])
def test_address_that_is_none_of_the_web_is_no_link(photo, url):
    page = photo(title="Photo", url=url)

    assert "<p>Photo</p>" in page
    assert f'href="{url}"' not in page


def test_event_whose_type_is_gone_is_shown(as_maja, photo):
    photo(title="Old")
    gone = EventType.registry.pop("new_photo")

    page = inbox(as_maja)

    EventType.registry["new_photo"] = gone
    assert "New photo" in page
    assert "Old" in page


# The page of the stream, and the files


def test_stream_has_a_page_for_people(client, db):
    response = client.get("/notifications/stream/?topic=a:<b>", HTTP_ACCEPT="text/html")

    page = response.content.decode()
    assert "<event-log>" in page
    assert "/notifications/stream/?topic=a:%3Cb%3E" in page


def test_app_has_a_plain_page_of_its_own(rf, db):
    context = {"events": [], "read_up_to": 0}

    with override_settings(TEMPLATES=templates_of_the_app()):
        page = render_to_string("notifications/inbox.html", context, rf.get("/"))

    assert "<title>Notifications</title>" in page
    assert "Askwell" not in page


def templates_of_the_app():
    """Return settings by which a template of the site overrides none."""
    processor = "django.template.context_processors.request"
    return [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": [processor]},
        }
    ]


def test_modules_import_each_other_under_their_hashed_names(tmp_path):
    storage = {"BACKEND": "project.staticfiles.ModuleStaticFilesStorage"}
    with override_settings(
        STATIC_ROOT=tmp_path,
        STORAGES={"staticfiles": storage},
        INSTALLED_APPS=["django.contrib.staticfiles", "notifications", "project.qa"],
    ):
        call_command("collectstatic", interactive=False, verbosity=0)

    names = json.loads((tmp_path / "staticfiles.json").read_text())["paths"]
    for module in ("notifications/main.js", "qa/live-answers.js"):
        text = (tmp_path / names[module]).read_text()
        for name in re.findall(r'from "(.+?)"', text):
            assert re.search(r"\.[0-9a-f]{12}\.js$", name)
