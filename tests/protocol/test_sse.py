import httpx
import pytest
from httpx_sse import EventSource
from hypothesis import example, given
from hypothesis import strategies as st

from notifications.protocol import sse

# Text that UTF-8 can hold: no surrogates.
texts = st.text(st.characters(codec="utf-8"))
lines = texts.filter(lambda text: not {"\r", "\n"} & {*text})
ids = lines.filter(lambda text: "\0" not in text)


def decode(stream):
    """Return the events of a stream as a standard SSE client parses them."""
    response = httpx.Response(
        200, headers={"Content-Type": "text/event-stream"}, content=stream
    )
    return list(EventSource(response).iter_sse())


def normalised(text):
    """Return the text with the line ends that SSE clients see."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def test_event_is_its_fields_and_a_blank_line():
    encoded = sse.encode(data='{"a":1}', event="new_comment", event_id="5-1")

    assert encoded == b'id: 5-1\nevent: new_comment\ndata: {"a":1}\n\n'


def test_empty_fields_are_left_out():
    assert sse.encode(data="hello") == b"data: hello\n\n"


def test_empty_data_is_still_an_event():
    assert sse.encode(data="") == b"data: \n\n"


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_each_line_of_data_becomes_a_field(end):
    encoded = sse.encode(data=f"one{end}two{end}")

    assert encoded == b"data: one\ndata: two\ndata: \n\n"


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\v", "\f", "\x1c"])
def test_other_unicode_line_ends_are_kept(character):
    encoded = sse.encode(data=f"one{character}two")

    assert encoded == f"data: one{character}two\n\n".encode()


@pytest.mark.parametrize("data", ["\0", "\ufeff", "\ufeffid: 5", " a ", ": a", "id: 5"])
def test_data_reaches_the_client_unchanged(data):
    (event,) = decode(sse.encode(data=data))

    assert event.data == data
    assert event.id == ""


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_line_end_in_the_event_name_is_rejected(end):
    with pytest.raises(ValueError, match="expected one line"):
        sse.encode(data="", event=f"a{end}data: forged")


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_line_end_in_the_id_is_rejected(end):
    with pytest.raises(ValueError, match="expected one line"):
        sse.encode(data="", event_id=f"5{end}data: forged")


def test_nul_in_the_id_is_rejected():
    with pytest.raises(ValueError, match="without NUL"):
        sse.encode(data="", event_id="5\0")


def test_surrogate_is_rejected():
    with pytest.raises(ValueError, match="surrogates"):
        sse.encode(data="\ud800")


@given(data=texts, event=lines, event_id=ids)
@example(data="\r\n\r\n", event="a", event_id="1-1")
@example(data="\ufeff\0\u2028\x85", event="\ufeff", event_id="\u2029")
def test_client_reads_what_was_encoded(data, event, event_id):
    encoded = sse.encode(data=data, event=event, event_id=event_id)

    (event_read,) = decode(encoded)
    assert event_read.data == normalised(data)
    assert event_read.event == (event or "message")
    assert event_read.id == event_id


@given(st.lists(texts, min_size=1))
def test_consecutive_events_stay_separate(several):
    encoded = b"".join(sse.encode(data=data) for data in several)

    assert [event.data for event in decode(encoded)] == [*map(normalised, several)]


def test_retry_tells_the_client_how_long_to_wait():
    encoded = sse.encode_retry(3000) + sse.encode(data="x")

    [event] = decode(encoded)
    assert (event.retry, event.data) == (3000, "x")


def test_new_client_has_no_last_event_id():
    assert sse.last_event_id(None, []) is None


def test_header_has_the_last_event_id():
    assert sse.last_event_id("5-1", []) == "5-1"


def test_header_is_utf_8_whatever_the_server_takes_it_for():
    header = "…".encode().decode("latin-1")

    assert sse.last_event_id(header, []) == "…"


def test_header_that_is_not_utf_8_is_another_id():
    assert sse.last_event_id("\xff\xfe", []) == "\ufffd\ufffd"


def test_query_parameter_has_the_last_event_id():
    assert sse.last_event_id(None, ["5-1"]) == "5-1"


def test_header_wins_over_the_parameter():
    assert sse.last_event_id("7-0", ["5-1"]) == "7-0"


def test_empty_header_is_an_empty_id():
    assert sse.last_event_id("", ["5-1"]) == ""


def test_contradicting_parameters_give_an_empty_id():
    assert sse.last_event_id(None, ["5-1", "7-0"]) == ""
