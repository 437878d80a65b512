import pytest

from notifications.exceptions import InvalidTopic
from notifications.protocol import topics

GOOD = [
    "user:7",
    "topic:espresso",
    "topic:c++",
    "topic:node.js",
    "post:2f1f0e6c-4b5c-4e58-9d4f-1f0b7f3a9b11",
    "a_1:" + "k" * 150,
    "k" * 32 + ":1",
]
BAD = [
    "",
    ":",
    "user",
    "user:",
    ":7",
    "user:7:8",
    "User:7",
    "7user:7",
    "user:*",
    "user:.",
    "user:7 ",
    " user:7",
    "user:7\n",
    "user:a/b",
    "user:a\0",
    "user:é",
    "user:٣",
    "üser:7",
    "user:" + "k" * 151,
    "k" * 33 + ":1",
]


@pytest.mark.parametrize("text", GOOD)
def test_valid_topic_is_unchanged_by_parsing(text):
    topic = topics.parse(text)

    assert str(topic) == text
    assert topics.validate(text) == text


def test_topic_has_a_kind_and_a_key():
    topic = topics.parse("topic:c++")

    assert (topic.kind, topic.key) == ("topic", "c++")


@pytest.mark.parametrize("text", BAD)
def test_invalid_topic_is_rejected(text):
    with pytest.raises(InvalidTopic, match="expected <kind>:<key>") as caught:
        topics.parse(text)

    assert caught.value.value == text


def test_build_joins_kind_and_key():
    assert topics.build("user", 7) == "user:7"


@pytest.mark.parametrize(
    ("kind", "key"), [("user", ""), ("", 7), ("a:b", 1), ("user", "*")]
)
def test_build_rejects_an_invalid_kind_or_key(kind, key):
    with pytest.raises(InvalidTopic):
        topics.build(kind, key)


@pytest.mark.parametrize("text", GOOD)
def test_every_topic_is_a_selector(text):
    assert str(topics.parse_selector(text)) == text


def test_star_selects_all_topics_of_a_kind():
    selector = topics.parse_selector("user:*")

    assert (selector.kind, selector.key) == ("user", "*")


@pytest.mark.parametrize("text", ["*", "*:*", "*:7", "user:*7", "user:7*", "user:**"])
def test_star_anywhere_else_is_rejected(text):
    with pytest.raises(InvalidTopic, match=r"or <kind>:\*"):
        topics.parse_selector(text)


def test_wildcard_of_a_topic_selects_its_kind():
    assert topics.wildcard("user:7") == "user:*"


def test_longest_topic_has_the_maximum_length():
    longest = "k" * 32 + ":" + "k" * 150

    assert len(topics.validate(longest)) == topics.MAX_LENGTH
