import json
import os
from contextlib import ExitStack
from pathlib import Path

from tests.effort import either
from tests.stackexchange_data import write_posts
from tests.system import oracle
from tests.system.listener import Listener
from tests.system.transports import every_way

pytestmark = every_way

STREAMS = either(10, thorough=20)
RATE = 50  # posts a second
QUESTIONS = either(30, thorough=225)
ANSWERS = either(45, thorough=327)
KEYS = {"new_question": "question_id", "new_answer": "answer_id"}
END = "topic:the-end"
LAST = json.dumps({"question_id": 0, "title": "The end", "url": "/"})

# Leaves the people and the topics of an import, and lets each reader follow some.
_FOLLOW = """
import random
from django.contrib.auth.models import User
from notifications.models import Follow
from project.qa.models import Question, Topic
newest = Question.objects.latest("pk").pk
count = Question.objects.count()
Question.objects.all().delete()
chance = random.Random(7)
topics = [f"topic:{slug}" for slug in Topic.objects.values_list("slug", flat=True)]
authors = User.objects.exclude(username__startswith="reader-")
people = [f"user:{pk}" for pk in authors.values_list("pk", flat=True)]
# The keys that the questions of the replay will have.
questions = [f"question:{newest + 1 + n}" for n in range(count)]
for reader in User.objects.filter(username__startswith="reader-"):
    levels = {"topic:the-end": "follow"}
    for kind, most in ((topics, 12), (people, 8), (questions, 20)):
        for topic in chance.sample(kind, min(most, len(kind))):
            levels[topic] = chance.choice(["follow", "follow", "watch", "mute"])
    Follow.objects.bulk_create(
        Follow(user=reader, topic=topic, level=level)
        for topic, level in levels.items()
    )
"""


def posts(folder):
    """Return a dump: a real one, or else one of the same shape."""
    real = os.environ.get("STACKEXCHANGE_POSTS")
    if real:
        return Path(real)
    file = folder / "example-Posts.xml"
    return write_posts(file, questions=QUESTIONS, answers=ANSWERS)


def received(listener):
    """Return the events of a stream in the form of the oracle."""
    return [(name, data[KEYS[name]]) for name, data in list(listener.events)]


def test_question_reaches_the_followers_of_its_topic_only(site, people):
    asker, reader, other = people("asker", "reader", "other")
    site.shell(
        "from project.qa.models import Topic\n"
        "Topic.objects.create(slug='moss', name='Moss')\n"
        "Topic.objects.create(slug='fern', name='Fern')"
    )
    reader.put("/notifications/follows/topic:moss/")
    other.put("/notifications/follows/topic:fern/")
    asker.put("/notifications/follows/topic:moss/")

    with (
        Listener(reader.client) as moss,
        Listener(other.client) as fern,
        Listener(asker.client) as own,
    ):
        asker.post("/ask/", title="Why moss?", body="Tell me.", topics="Moss")
        asker.post("/ask/", title="Why fern?", body="Tell me.", topics="Fern")
        [event] = moss.wait_for(1, "new_question")
        [foreign] = fern.wait_for(1, "new_question")
        other.post("/ask/", title="Which moss?", body="Tell me.", topics="Moss")
        [received_event] = own.wait_for(1, "new_question")

    assert (event["title"], foreign["title"]) == ("Why moss?", "Why fern?")
    assert event["topics"] == ["topic:moss", f"user:{asker.pk}"]
    assert received_event["title"] == "Which moss?"


def test_each_stream_gets_exactly_the_events_of_its_follows(site, people, tmp_path):
    dump = posts(tmp_path)
    readers = people(*(f"reader-{number}" for number in range(STREAMS)))
    site.manage("import_stackexchange", str(dump))
    site.shell(_FOLLOW)

    with ExitStack() as stack:
        listeners = [stack.enter_context(Listener(each.client)) for each in readers]
        site.manage("import_stackexchange", str(dump), "--replay", "--rate", str(RATE))
        order = oracle.order(site.database)
        expected = [
            [post for post in order if post in due]
            for due in (oracle.due(site.database, each.pk) for each in readers)
        ]
        for listener, due in zip(listeners, expected, strict=True):
            listener.wait_for(len(due), *KEYS)
        # A foreign or a second one would have come before this.
        site.manage("sse_publish", "new_question", "--topic", END, "--data", LAST)
        for listener, due in zip(listeners, expected, strict=True):
            listener.wait_for(len(due) + 1, *KEYS)

    assert [received(listener)[:-1] for listener in listeners] == expected
    assert min(map(len, expected)) > 0
