"""Strategies for hostile texts, and for the grammars of names and topics."""

import string

from hypothesis import strategies as st

# Texts with a meaning in a stream, in JSON, in HTML, in a log or on a terminal.
HOSTILE = [
    "\r", "\n", "\r\n", "\n\n", "\u2028", "\u2029", "\x85", "\v", "\f", "\x1c", "\t",
    "\ufeff", "\u200b", "\u202e", "\u2066", "\u0301", "\x1b[2J", "\x7f", "😀", "\uffff",
    "data: ", "id: 1-1\n", "event: reset\n\n", ":", "retry: 0", "\\", "\\u0000", "\\n",
    '"', "'", "{", "}", "</script>", "%0a", "%s", "{0}", "ß",
]  # fmt: skip
IMPOSSIBLE = ["\0", "\ud800", "\udfff", "\ud83d\ude00"]
# With these, a part of 100 characters makes more than 1 MB.
_TIMES = [1] * 60 + [50, 20_000]


def _joined(parts):
    return st.lists(parts, max_size=4).map("".join)


# What may be in a payload: all of Unicode but NUL.
fitting = _joined(
    st.sampled_from(HOSTILE)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
)
anything = _joined(
    st.sampled_from(HOSTILE + IMPOSSIBLE) | st.text(st.characters(), max_size=8)
)
# Up to a bit more than 1 MB.
long = st.builds(
    lambda text, times: (text * times)[:1_100_000], fitting, st.sampled_from(_TIMES)
)
sizes = st.lists(st.integers(1, 100), min_size=1, max_size=5)

_LOWER = string.ascii_lowercase
_WORD = _LOWER + string.digits + "_"
_KEY = string.ascii_letters + string.digits + "_-"


def _token(first, rest, longest):
    tail = st.text(rest, max_size=9)
    # The longest, too, without drawing each of its characters.
    return st.builds(
        lambda head, tail, times: (head + tail * times)[:longest],
        st.sampled_from(first),
        tail,
        st.sampled_from([1, 1, 1, longest]),
    )


kinds = _token(_LOWER, _WORD, 32)
topics = st.builds("{}:{}".format, kinds, _token(_KEY, _KEY + ".~+", 150))
RESERVED = ("heartbeat", "reset", "server_closed", "open", "error", "message")
names = _token(_LOWER, _WORD, 63).filter(lambda name: name not in RESERVED)


def is_token(text, first, rest, longest):
    """Tell whether a text begins with one of `first` and goes on with `rest`."""
    return 1 <= len(text) <= longest and text[0] in first and {*text} <= {*rest}


def is_name(text):
    """Tell whether a text may name an event type."""
    return is_token(text, _LOWER, _WORD, 63) and text not in RESERVED


def is_topic(text):
    """Tell whether a text is a topic."""
    kind, colon, key = text.partition(":")
    right_kind = is_token(kind, _LOWER, _WORD, 32)
    return right_kind and bool(colon) and is_token(key, _KEY, _KEY + ".~+", 150)


def is_selector(text):
    """Tell whether a text is a topic, or stands for all of a kind."""
    kind, colon, key = text.partition(":")
    return is_topic(text) or (key == "*" and is_topic(f"{kind}{colon}1"))
