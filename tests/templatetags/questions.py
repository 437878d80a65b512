"""Questions that cause events."""

from project.qa.models import Question


def ask(author, *topics, title="Why?"):
    """Create a question under the topics and return it."""
    question = Question.objects.create(title=title, body="b", author=author)
    question.topics.add(*topics)
    return question
