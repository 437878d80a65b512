"""Values outside their grammar are refused with a clear error; others are accepted."""

from urllib.parse import quote, quote_from_bytes

import msgspec
import pytest
from django.core.management import CommandError, call_command
from hypothesis import example, given
from hypothesis import strategies as st

from notifications.exceptions import InvalidEventType, InvalidTopic
from notifications.models import Event, Follow
from notifications.protocol import topics
from notifications.publishing import outbox
from notifications.publishing.event_types import EventType
from notifications.publishing.followables import followable
from project.qa.notifications import NEW_QUESTION
from tests.properties import texts
from tests.properties.effort import examples, patient, shared_fixtures
from tests.users import User

pytestmark = patient

STREAM = "/notifications/stream/"
FORM = "application/x-www-form-urlencoded"
not_text = st.none() | st.integers() | st.binary() | st.lists(st.text())


class Payload(msgspec.Struct):
    text: str = ""


def near(tokens):
    """Return texts of a grammar, and others that differ by one slip."""
    slips = st.sampled_from(["", "\n", " ", "\0", "A", "é", ":", "*", "٣", "/", "-"])
    slip = st.builds(
        lambda text, at, slip: text[:at] + slip + text[at:],
        tokens,
        st.integers(0, 200),
        slips,
    )
    return slip | texts.anything


def assert_named(error, value):
    """Check that an error has the value, and in one line what was expected."""
    assert error.value is value
    assert str(error).isprintable()
    assert "expected" in str(error)


@examples(1_000)
@given(name=near(texts.names) | st.sampled_from(texts.RESERVED) | not_text)
@example("tick\n")
@example("t" * 63)
@example("t" * 64)
def test_name_matches_the_grammar_or_is_refused(registry, name):
    if isinstance(name, str) and texts.is_name(name):
        assert EventType(name, Payload) is registry.pop(name)
        return

    with pytest.raises(InvalidEventType) as caught:
        EventType(name, Payload)

    assert_named(caught.value, name)


@pytest.mark.parametrize("payload", [dict, str, None, 5, "Payload"])
def test_payload_that_is_not_a_struct_is_refused(payload):
    with pytest.raises(InvalidEventType, match=r"expected a msgspec\.Struct"):
        EventType("tick", payload)


@examples(1_000)
@given(text=near(texts.topics) | not_text)
@example("topic:a\n")
@example("topic:*")
@example("a" * 32 + ":" + "a" * 150)
@example("a" * 33 + ":" + "a" * 150)
@example("a" * 32 + ":" + "a" * 151)
def test_topic_matches_the_grammar_or_is_refused(text):
    if isinstance(text, str) and texts.is_topic(text):
        assert str(topics.parse(text)) == text
        return

    with pytest.raises(InvalidTopic) as caught:
        topics.parse(text)

    assert_named(caught.value, text)


@examples(1_000)
@given(text=near(texts.topics | texts.kinds.map("{}:*".format)) | not_text)
@example("topic:*\n")
@example("*:*")
@example("topic:a*")
def test_selector_matches_the_grammar_or_is_refused(text):
    if isinstance(text, str) and texts.is_selector(text):
        assert str(topics.parse_selector(text)) == text
        return

    with pytest.raises(InvalidTopic) as caught:
        topics.parse_selector(text)

    assert_named(caught.value, text)


@given(kind=near(texts.kinds))
def test_kind_matches_the_grammar_or_is_refused(kind):
    if texts.is_topic(f"{kind}:1") and ":" not in kind:
        return

    with pytest.raises(InvalidTopic):
        followable(User, kind=kind)


@given(text=near(texts.topics).filter(lambda text: not texts.is_topic(text)) | not_text)
def test_event_with_an_invalid_topic_is_refused(text):
    payload = {"question_id": 1, "title": "Why?", "url": "/"}

    # Without the database: it is refused before anything is written.
    with pytest.raises(InvalidTopic):
        outbox.record(NEW_QUESTION, topics=["topic:a", text], payload=payload)


# WSGI gives a header's bytes as Latin-1 (PEP 3333, "Unicode Issues").
as_header = texts.anything.map(
    lambda text: text.encode(errors="surrogatepass").decode("latin-1")
)


raw = st.binary(max_size=40) | near(texts.topics).map(
    lambda text: text.encode(errors="surrogatepass")
)


@pytest.mark.django_db
@shared_fixtures(300)
@given(parameter=st.sampled_from(["topic", "channel"]), value=raw)
def test_any_topic_or_channel_gets_a_response(client, parameter, value):
    response = client.get(f"{STREAM}?{parameter}={quote_from_bytes(value)}")
    response.close()

    text = value.decode(errors="replace")
    kind = text.partition(":")[0]
    if parameter == "channel":
        assert response.status_code == (200 if text == "sse" else 404)
    elif not texts.is_selector(text):
        assert response.status_code == 400
        assert "expected" in response.content.decode()
    else:
        public = kind in ("topic", "question", "user")
        assert response.status_code == (200 if public else 404)


@pytest.mark.django_db
@shared_fixtures(200)
@given(accept=as_header | st.sampled_from(["text/html;q=x", ";;", "*/*;q=nan"]))
def test_any_accept_header_gets_a_response(client, accept):
    response = client.get(STREAM, headers={"Accept": accept})
    response.close()

    # A page, or a stream without a signed-in person.
    assert response.status_code in (200, 403)


@pytest.fixture
def as_maja(client, maja):
    client.force_login(maja)
    return client


keys = st.text(max_size=30) | st.integers().map(str)
paths = raw | st.builds(
    lambda kind, key: f"{kind}:{key}".encode(errors="replace"),
    st.sampled_from(["topic", "question", "user", "room"]),
    keys,
)


@pytest.mark.django_db
@shared_fixtures(250)
@given(
    method=st.sampled_from(["put", "delete", "post"]),
    path=paths,
    body=st.just(b"")
    | st.binary()
    | st.sampled_from([b"level=none", b"level=mute"])
    | st.binary(max_size=9).map(lambda text: b"level=none&next=" + text),
    kind=st.sampled_from(["application/json", FORM, "text/plain", ""]),
)
@example("delete", b"\0", b"", "")
@example("post", b"topic:a", b"level=none&next=!", FORM)
@example("put", b"user:" + b"9" * 30, b"", "")
@example("put", b"question:1_0", b"{", "application/json")
@example("put", b"topic:a", b"[" * 10_000, "application/json")
@example("put", b"topic:a", b'{"level": {}}', "application/json")
@example("put", b"topic:a", b'{"level": "\\ud800"}', "application/json")
def test_any_followed_topic_gets_a_response(as_maja, method, path, body, kind):
    Follow.objects.all().delete()
    address = f"/notifications/follows/{quote(path, safe='')}/"

    response = getattr(as_maja, method)(address, body, content_type=kind)

    text = path.decode(errors="replace")
    assert response.status_code in (200, 302, 400, 404)
    if not texts.is_topic(text):
        assert response.status_code == 404
    assert {*Follow.objects.values_list("topic", flat=True)} <= {text}


PLACES = [
    "/?before=", "/?after=", "/topics/?q=", "/topics/?page=", "/topics/", "/people/",
    "/questions/", "/ask/?topic=", "/login/?next=", "/notifications/?before=",
    "/signup/?next=",
]  # fmt: skip


@pytest.mark.django_db
@shared_fixtures(250)
@given(place=st.sampled_from(PLACES), value=raw)
@example("/signup/?next=", b"!")
@example("/topics/?q=", b"\0")
@example("/people/", b"\0")
@example("/ask/?topic=", b"\0")
@example("/?before=", b"9" * 16 + b"-" + b"9" * 18)
@example("/topics/?page=", b"9" * 30)
@example("/questions/", b"9" * 30)
def test_any_text_in_a_url_gets_a_response(as_maja, place, value):
    end = "" if "?" in place else "/"

    response = as_maja.get(f"{place}{quote(value, safe='')}{end}")

    assert response.status_code in (200, 302, 400, 404)


@pytest.mark.django_db(transaction=True)
@shared_fixtures(100)
@given(
    name=st.just("new_question") | texts.anything,
    topic=st.just("topic:a") | near(texts.topics),
    data=st.sampled_from(["", "{}", "[]", '{"title": "\\ud800"}', "[" * 9_999])
    | texts.anything,
)
def test_any_text_on_the_command_line_is_refused_in_one_line(name, topic, data):
    arguments = [f"--topic={topic}", f"--data={data or ' '}", "--", name]

    with pytest.raises(CommandError) as caught:
        call_command("sse_publish", *arguments)

    assert str(caught.value).isprintable()
    assert not Event.objects.exists()
