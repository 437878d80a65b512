"""How many queries the requests of a signed-in person take, whatever they follow.

The numbers are upper bounds, with the session, the user, and the statements that begin
and end transactions. In a process that serves the site, a change leaves the unseen
count to the counter; elsewhere it takes up to nine more.
"""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from notifications.api import follow, topic_of
from notifications.models import Event, Follow
from notifications.publishing.counter import counter
from project.qa.models import Answer, Question, Topic
from tests.users import User

pytestmark = pytest.mark.django_db(transaction=True)

# With the labels of three kinds of topics, one query each, and what is done.
INBOX = 15
# With two for the page's own questions.
HOME = 10
# With one for what the change can be undone to, and one for the name in its notice.
FOLLOW = 15
READ = 15
READ_TOPIC = 24
ASK = 36


@pytest.fixture
def as_maja(client, maja, tobias, espresso):
    """A person with answers to their question, and news of a topic and of a person."""
    question = Question.objects.create(title="Why?", body="?", author=maja)
    question.topics.add(espresso)
    follow(maja, topic_of(espresso))
    follow(maja, topic_of(tobias))
    for number in range(3):
        Answer.objects.create(question=question, author=tobias, body="!")
        news = Question.objects.create(title=f"{number}?", body="?", author=tobias)
        news.topics.add(espresso)
    client.force_login(maja)
    return client


@pytest.fixture
def counting(monkeypatch):
    """Leave counts to the thread of a process that serves the site."""
    monkeypatch.setattr(counter, "put", lambda due: True)


@pytest.fixture
def queries():
    """A function that calls another and returns how many queries that took."""

    def queries(call):
        with CaptureQueriesContext(connection) as found:
            response = call()
        assert response.status_code < 400, response.content
        return len(found)

    return queries


@pytest.fixture
def more(maja, espresso):
    """A function that adds follows and events."""

    def more():
        people = [User.objects.create_user(f"number-{each}") for each in range(12)]
        Follow.objects.bulk_create(
            Follow(user=maja, topic=topic_of(each)) for each in people
        )
        for each in people:
            news = Question.objects.create(title="More?", body="?", author=each)
            news.topics.add(espresso)

    return more


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_inbox_takes_a_bounded_number_of_queries(as_maja, queries, more, accept):
    def show():
        return as_maja.get("/notifications/", HTTP_ACCEPT=accept)

    few = queries(show)
    more()

    assert few <= INBOX
    assert queries(show) <= INBOX


def test_bell_takes_a_bounded_number_of_queries(as_maja, queries, more):
    few = queries(lambda: as_maja.get("/"))
    more()

    assert few <= HOME
    assert queries(lambda: as_maja.get("/")) <= HOME


def test_follow_takes_a_bounded_number_of_queries(counting, as_maja, queries):
    Topic.objects.create(slug="tea", name="Tea")
    url = "/notifications/follows/topic:tea/"

    assert queries(lambda: as_maja.put(url)) <= FOLLOW
    assert queries(lambda: as_maja.put(url, "level=watch")) <= FOLLOW
    assert queries(lambda: as_maja.delete(url)) <= FOLLOW


def test_reading_a_group_takes_a_bounded_number_of_queries(counting, as_maja, queries):
    uid = Event.objects.filter(type="new_answer").last().uid

    for _ in range(2):
        assert queries(lambda: read(as_maja, uid)) <= READ


def test_reading_a_topic_takes_a_bounded_number_of_queries(counting, as_maja, queries):
    topic = topic_of(Question.objects.get(title="Why?"))
    path = "/notifications/read/"

    for _ in range(2):
        taken = queries(lambda: as_maja.post(path, {"topic": topic}))
        assert taken <= READ_TOPIC


def read(client, uid):
    return client.post("/notifications/read/", {"uid": uid})


def test_asking_takes_a_bounded_number_of_queries(counting, as_maja, queries):
    data = {"title": "How?", "body": "?", "topics": ["Espresso"]}

    assert queries(lambda: as_maja.post("/ask/", data)) <= ASK
