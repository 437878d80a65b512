"""A published event reaches the client unchanged, or was refused with a clear error."""

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from notifications.exceptions import InvalidPayload
from notifications.models import Event, EventTopic
from notifications.protocol import frames, sse
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import Record
from notifications.publishing.event_entries import encode_event
from notifications.publishing.event_types import MAX_DEPTH, EventType
from tests.properties import texts
from tests.properties.conftest import LARGEST
from tests.properties.effort import examples, patient
from tests.properties.parsers import Read, read
from tests.users import User, json_key, shown_name, unsaved_user

# Of a user, in whatever form the model of the users has it.
KEY = User._meta.pk.to_python(7)
AT = Cursor(1_795_165_498_123, 7)
NEXT = Cursor(1_795_165_498_124, 0)
IMPOSSIBLE = re.compile("[\0\ud800-\udfff]")


class Post(msgspec.Struct):
    title: str
    lines: list[str] = []
    extra: Any = None


def payloads(text):
    scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
    extra = st.recursive(
        scalars | text,
        lambda part: (
            st.lists(part, max_size=2) | st.dictionaries(text, part, max_size=2)
        ),
        max_leaves=3,
    )
    return st.fixed_dictionaries(
        {"title": text | texts.long},
        optional={"lines": st.lists(text, max_size=2), "extra": extra},
    )


def parts(data):
    """Yield all that is in JSON, names among it."""
    yield data
    if isinstance(data, dict):
        data = [*data, *data.values()]
    if isinstance(data, list):
        for each in data:
            yield from parts(each)


def is_impossible(data):
    """Tell whether no database, or no client, could hold a part of this JSON."""
    for part in parts(data):
        if isinstance(part, float) and part in (float("inf"), float("-inf")):
            return True
        if isinstance(part, str) and IMPOSSIBLE.search(part):
            return True
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode()) > LARGEST


def registered(name, label):
    EventType.registry.pop(name, None)
    return EventType(name, Post, label=label)


def unsaved(event_type, payload, *, topics, actor):
    """Return the event as it comes from the database, which has no part in this."""
    event = Event(pk=1, type=event_type.name, payload=payload, actor=actor)
    event._prefetched_objects_cache = {
        "addresses": [EventTopic(topic=topic) for topic in topics]
    }
    return event


def stream_of(event):
    """Return the bytes of a stream that brings this event and then a heartbeat."""
    entry = Record(AT, encode_event(event)).decode()
    frame = frames.encode(entry, AT)
    return sse.encode_retry(3_000) + frame.body + frames.heartbeat(NEXT).body


def assert_plain(error):
    """Check that an error can be shown and logged: short, and on one line."""
    assert str(error).isprintable()
    assert len(str(error)) < 400


@patient
@examples(10_000)
@given(
    name=texts.names,
    label=st.sampled_from(texts.HOSTILE + texts.IMPOSSIBLE),
    payload=payloads(texts.fitting) | payloads(texts.anything),
    topics=st.lists(texts.topics, min_size=1, max_size=2, unique=True),
    username=st.none() | texts.fitting,
    sizes=texts.sizes,
)
@example(
    name="tick",
    label="",
    payload={"title": "\r\n\n\u2028\ufeffdata: x\n\nevent: reset\ndata: {}\n\n"},
    topics=["a:b"],
    username="\r\nevent: reset",
    sizes=[1],
)
@example("tick", "", {"title": "\\\\\\u0000"}, ["a:b"], None, [1])
@example("tick", "", {"title": "\\\0"}, ["a:b"], None, [1])
@example("tick", "", {"title": "a" * 1_000_000}, ["a:b"], None, [100])
def test_published_event_is_read_unchanged_or_refused(
    name, label, payload, topics, username, sizes
):
    actor = None if username is None else unsaved_user(username, pk=KEY)
    event_type = registered(name, label)

    if is_impossible(payload):
        with pytest.raises(InvalidPayload) as caught:
            event_type.validate(payload)
        assert caught.value.event_type == name
        assert_plain(caught.value)
        return

    valid = event_type.validate(payload)
    event = unsaved(event_type, valid, topics=topics, actor=actor)
    published, heartbeat = read(stream_of(event), sizes=sizes)
    assert (published.id, published.name) == (str(AT), name)
    assert json.loads(published.data) == {
        "uid": str(event.uid),
        "type": name,
        "topics": topics,
        "actor": actor and {"id": json_key(actor), "name": shown_name(actor)},
        "created": event.created.isoformat(timespec="milliseconds"),
        **payload,
    }
    assert heartbeat == Read(str(NEXT), "heartbeat", "{}")


@pytest.fixture(scope="module")
def post(registry):
    return registered("post", "Post")


@given(depth=st.integers(1, 1_200), in_object=st.booleans())
@example(depth=950, in_object=False)
def test_payload_is_refused_for_its_depth_or_can_be_relayed(post, depth, in_object):
    extra = "leaf"
    for _ in range(depth):
        extra = {"a": extra} if in_object else [extra]

    try:
        valid = post.validate({"title": "", "extra": extra})
    except InvalidPayload:
        assert depth >= MAX_DEPTH - 1
        return

    assert depth < MAX_DEPTH
    event = unsaved(post, valid, topics=["a:b"], actor=None)
    published, _ = read(stream_of(event), sizes=[1_000])
    assert json.loads(published.data)["extra"] == extra


@pytest.mark.parametrize("keys", [(1,), (1.5,), ("1",)])
def test_numeric_key_becomes_text(post, keys):
    valid = post.validate({"title": "", "extra": dict.fromkeys(keys, "x")})

    assert valid["extra"] == {str(key): "x" for key in keys}


@pytest.mark.parametrize("key", [None, True, (1, 2), object()])
def test_key_that_is_neither_text_nor_number_is_refused(post, key):
    with pytest.raises(InvalidPayload):
        post.validate({"title": "", "extra": {key: "x"}})


@given(field=texts.anything | texts.long)
@example(field="a\nforged: line")
def test_error_names_an_unknown_field_on_one_line(post, field):
    if field in ("title", "lines", "extra"):
        return

    with pytest.raises(InvalidPayload) as caught:
        post.validate({"title": "", field: ""})

    assert_plain(caught.value)


wrong = st.none() | st.integers() | st.lists(st.text()) | st.binary() | st.booleans()


@given(title=wrong)
def test_error_names_a_field_of_the_wrong_type(post, title):
    if isinstance(title, bytes):
        # Bytes are text in JSON: base64, as msgspec has it.
        return

    with pytest.raises(InvalidPayload, match=r"at \$\.title: Expected `str`"):
        post.validate({"title": title})


@pytest.mark.parametrize("data", [{}, {"lines": []}, {"extra": 1}])
def test_error_names_a_missing_field(post, data):
    with pytest.raises(InvalidPayload, match="required field `title`"):
        post.validate(data)


@examples(20)
@given(over=st.integers(1, 1_000), character=st.sampled_from("aé\u2028😀"))
def test_error_of_a_too_large_payload_has_both_sizes(post, over, character):
    title = character * (LARGEST // len(character.encode()) + over)

    with pytest.raises(InvalidPayload, match=f"bytes of JSON, .* at most {LARGEST}"):
        post.validate({"title": title})
