"""The events that are due to each person, by a query over the site's tables.

It shares no code with the app, so that it cannot repeat a mistake of it.
"""

from tests.databases import Database

# The topics that each question and answer is addressed to, and who wrote it.
_ADDRESSES = """
SELECT 'new_question' AS type, q.id, q.author_id, 'topic:' || t.slug AS topic
FROM qa_question q
JOIN qa_question_topics link ON link.question_id = q.id
JOIN qa_topic t ON t.id = link.topic_id
UNION ALL
SELECT 'new_question', id, author_id, 'user:' || author_id FROM qa_question
UNION ALL
SELECT 'new_answer', a.id, a.author_id, 'topic:' || t.slug
FROM qa_answer a
JOIN qa_question_topics link ON link.question_id = a.question_id
JOIN qa_topic t ON t.id = link.topic_id
UNION ALL
SELECT 'new_answer', id, author_id, 'question:' || question_id FROM qa_answer
UNION ALL
SELECT 'new_answer', id, author_id, 'user:' || author_id FROM qa_answer
"""

_DUE = f"""
WITH addresses AS ({_ADDRESSES}),
     follows AS (
         SELECT topic, level FROM notifications_follow WHERE user_id = %(person)s
     )
SELECT DISTINCT type, id FROM addresses JOIN follows USING (topic)
WHERE level <> 'mute' AND author_id <> %(person)s
EXCEPT
SELECT type, id FROM addresses JOIN follows USING (topic) WHERE level = 'mute'
"""


def due(database: Database, person: int) -> set[tuple[str, int]]:
    """Return the events that are due to a person: type and primary key of each post."""
    return set(database.rows(_DUE, person=person))


def order(database: Database) -> list[tuple[str, int]]:
    """Return all posts in the order in which they were made."""
    query = """
    SELECT type, id FROM (
        SELECT 'new_question' AS type, id, created FROM qa_question
        UNION ALL SELECT 'new_answer', id, created FROM qa_answer
    ) posts ORDER BY created
    """
    return database.rows(query)
