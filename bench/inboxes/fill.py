"""Fills a new, empty database with the events of a busy site, by a few statements.

There is one event each 20 seconds, up to now: a fifth are questions, the others answers
to questions of which a few get most. Each is addressed to its author, its question and
one or two of 500 topics, of which a few get most, too.
"""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from notifications.models import Event, EventTopic, Follow
from project.qa.models import Question, Topic

PEOPLE = 20_000
FOLLOWS = 100_000
TOPICS = 500
# One event in five is a question.
EVENTS_PER_QUESTION = 5
SECONDS_PER_EVENT = 20
BATCH = 2_000

# What the two databases write differently.
DIALECTS = {
    "sqlite": {
        "uid": "printf('%032x', {i})",
        "time": "strftime('%Y-%m-%d %H:%M:%S', {seconds}, 'unixepoch')",
        "text": "CAST({value} AS TEXT)",
        "whole": "CAST({value} AS integer)",
        "payload": "{text}",
    },
    "postgresql": {
        "uid": "lpad(to_hex({i}), 32, '0')::uuid",
        "time": "to_timestamp({seconds})",
        "text": "({value})::text",
        "whole": "trunc({value})::integer",
        "payload": "({text})::jsonb",
    },
}
# Numbers that look random: multiplied by a large prime, modulo a smaller one.
_RANDOM = "(({i} * 2654435761 + {salt}) % 1000003)"
_NUMBERS = """
WITH RECURSIVE numbers(i) AS (
    SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {count}
)
"""


def fill(events: int) -> None:
    """Fill a migrated, empty database with this many events."""
    _create_people()
    _create_questions(events // EVENTS_PER_QUESTION)
    _create_events(events)
    _create_topics(events)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _create_people() -> None:
    User.objects.bulk_create(
        [User(username=f"person{number}", password="!") for number in range(PEOPLE)],  # noqa: S106
        batch_size=BATCH,
    )
    User.objects.update(date_joined=timezone.now() - timedelta(days=400))
    people = list(User.objects.order_by("pk").values_list("pk", flat=True))
    Topic.objects.bulk_create(
        Topic(slug=f"t{number}", name=f"Topic {number}") for number in range(TOPICS)
    )
    each = FOLLOWS // PEOPLE
    Follow.objects.bulk_create(
        (
            Follow(user_id=user, topic=f"topic:t{(index * 7 + number * 91) % TOPICS}")
            for index, user in enumerate(people)
            for number in range(each)
        ),
        batch_size=BATCH,
    )


def _create_questions(count: int) -> None:
    values = {
        "title": f"'Question ' || {_text('i')} || '?'",
        "body": "'Who knows?'",
        "author_id": f"1 + i % {PEOPLE}",
    }
    _insert(
        Question, values, rows=_NUMBERS.format(count=count) + "SELECT {} FROM numbers"
    )


def _create_events(count: int) -> None:
    questions = count // EVENTS_PER_QUESTION
    dialect = DIALECTS[connection.vendor]
    newest = int(timezone.now().timestamp()) - 10
    seconds = f"({newest} - ({count} - i) * {SECONDS_PER_EVENT})"
    time = dialect["time"].format(seconds=seconds)
    question = _question(questions)
    values = {
        "uid": dialect["uid"].format(i="i"),
        "type": "CASE WHEN i % 5 = 0 THEN 'new_question' ELSE 'new_answer' END",
        "actor_id": _actor(),
        "payload": dialect["payload"].format(text=_payload(question)),
        "source": f"'bench:' || {_text('i')}",
        "created": time,
        "relayed": time,
        "cursor": f"{_text(seconds)} || '000-0'",
        "position": f"CAST({seconds} AS bigint) * 1000000000",
        "group": (
            f"CASE WHEN i % 5 = 0 THEN 'own:' || {_text('i')} "
            f"ELSE 'answers:' || {_text(question)} END"
        ),
    }
    _insert(Event, values, rows=_NUMBERS.format(count=count) + "SELECT {} FROM numbers")


def _payload(question: str) -> str:
    """Return SQL for the payload as JSON; large enough to look like a real one."""
    number = _text(question)
    return (
        f"""'{{"answer_id": ' || {_text("i")} || ', "question_id": ' || {number} || """
        f"""', "title": "Question ' || {number} || ': why does it do what it does?", """
        f""""url": "/questions/' || {number} || '/", "excerpt": "{"Since. " * 20}"}}'"""
    )


def _create_topics(count: int) -> None:
    questions = count // EVENTS_PER_QUESTION
    first, second = (_popular(TOPICS, i="e.i", salt=salt) for salt in (17, 7919))
    topics = {
        f"'user:' || {_text(_actor('e.i'))}": "1 = 1",
        f"'question:' || {_text(_question(questions, i='e.i'))}": "e.i % 5 <> 0",
        f"'topic:t' || {_text(first)}": "1 = 1",
        f"'topic:t' || {_text(second)}": f"{first} <> {second}",
    }
    rows = f"""
        SELECT {{}} FROM (SELECT id AS i, position FROM {_table(Event)}) e WHERE {{}}
    """
    for topic, condition in topics.items():
        _insert(
            EventTopic,
            {"event_id": "e.i", "topic": topic, "position": "e.position"},
            rows=rows.replace("WHERE {}", f"WHERE {condition}"),
        )


def _insert(model: Any, values: dict[str, str], *, rows: str) -> None:
    """Insert rows; `values` has SQL by column, other columns get their defaults."""
    params = []
    for field in model._meta.concrete_fields:
        if field.column not in values and not field.primary_key:
            values[field.column] = "%s"
            params.append(field.get_db_prep_save(field.get_default(), connection))
    quote = connection.ops.quote_name
    columns = ", ".join(map(quote, values))
    selected = rows.replace("{}", ", ".join(values.values()))
    if params:
        selected = selected.replace("%", "%%").replace("%%s", "%s")
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {_table(model)} ({columns}) {selected}", params or None
        )


def _actor(i: str = "i") -> str:
    return f"(1 + {_RANDOM.format(i=i, salt=3)} % {PEOPLE})"


def _question(questions: int, *, i: str = "i") -> str:
    return f"(1 + {_popular(questions, i=i, salt=101)})"


def _popular(count: int, *, i: str, salt: int) -> str:
    """Return SQL for a number below `count`, far more often a small one."""
    share = f"({_RANDOM.format(i=i, salt=salt)} / 1000003.0)"
    value = f"{count} * {share} * {share} * {share}"
    return DIALECTS[connection.vendor]["whole"].format(value=value)


def _text(value: str) -> str:
    return DIALECTS[connection.vendor]["text"].format(value=value)


def _table(model: Any) -> str:
    return connection.ops.quote_name(model._meta.db_table)
