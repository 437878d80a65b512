"""Questions for the pages of the app to tell of."""

from project.qa.models import Question


def ask(author, *topics, title="Why?"):
    """Ask a question under the topics; return it."""
    question = Question.objects.create(title=title, body="b", author=author)
    question.topics.add(*topics)
    return question
