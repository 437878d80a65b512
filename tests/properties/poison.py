"""Invalid data that other programs might write into Redis, and what is logged of it."""

import json
import re
import time

import pytest
from hypothesis import strategies as st

from notifications.lib.log_throttle import LINES_PER_WINDOW, WINDOW_SECONDS
from tests.properties import texts

# A line that is logged: printable ASCII, and the ellipsis of what was cut.
LINE = re.compile(r"[ -~…]{1,300}")


class Bomb:
    """Fails the test when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


DEEP = b"[" * 10_000 + b"]" * 10_000
HUGE = b"9" * 9_999

texts_or_json = st.recursive(
    st.none() | st.integers() | st.floats() | texts.anything,
    lambda part: (
        st.lists(part, max_size=3) | st.dictionaries(texts.anything, part, max_size=3)
    ),
    max_leaves=5,
)


def _ends_topic(fields):
    """Tell whether an entry ends the streams of the topic that the tests listen to."""
    return fields["entry"] == "end" and fields.get("topic") == "topic:a"


# Fields of entries, with nearly valid values and with any.
hostile_entries = st.fixed_dictionaries(
    {
        "entry": st.sampled_from(["event", "follow", "end", "start"]),
        "uid": st.just("u") | texts.anything,
    },
    optional={
        "type": st.sampled_from(["tick", "tick\n", *texts.RESERVED]) | texts.anything,
        "topics": st.lists(st.just("topic:a") | texts.anything, max_size=3),
        "data": texts.anything | texts.long,
        "actor": texts.anything,
        "told": st.dictionaries(st.just("topic:b"), st.integers(-(2**80), 2**80)),
        "user": st.just("8") | texts.anything,
        "topic": st.just("topic:a") | texts.anything,
        "level": st.sampled_from(["follow", "mute", ""]) | texts.anything,
        "since": st.integers(-(2**80), 2**80),
        "reason": texts.anything,
        "session": texts.anything,
        "login": texts.anything,
        "x": texts_or_json,
    },
).filter(lambda fields: not _ends_topic(fields))
# The bytes of an entry or a message.
bodies = st.one_of(
    st.binary(),
    hostile_entries.map(lambda fields: json.dumps(fields).encode()),
    texts_or_json.map(lambda data: json.dumps(data).encode()),
    st.builds(lambda depth: b'{"data":' + b"[" * depth, st.integers(1, 10_000)),
)


def assert_logged_briefly(caplog, *, began):
    """Check that each kind of message has a few plain lines, within its rate limit."""
    spans = 1 + (time.monotonic() - began) // WINDOW_SECONDS
    kinds = [record.message.split(" ")[0] for record in caplog.records]
    assert all(kinds.count(kind) <= LINES_PER_WINDOW * (spans + 1) for kind in {*kinds})
    assert all(LINE.fullmatch(line) for line in caplog.messages), caplog.messages
