"""Mentions: who is named in a post as `@name`, and the links from these names."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db.models import Q
from django.urls import reverse

from project.qa import text
from project.qa.models import Answer, Comment, Mention, Question

# How many people a post can mention; those that are named after them are not.
MAX_MENTIONS = 10
USERNAME = get_user_model().USERNAME_FIELD
PERSON_NAME = f"person__{USERNAME}"


def save_mentions(post: Question | Answer | Comment) -> None:
    """Save a mention of each person that is named in a post, except its author.

    Those who were mentioned in it before are not mentioned again.
    """
    for person in _people_named_in(post):
        # One by one, since `bulk_create` sends no signals.
        Mention.objects.get_or_create(**_place(post), person=person)


def _people_named_in(post: Question | Answer | Comment) -> list[User]:
    names = text.mentioned_names(post.body)
    if not names:
        return []
    users = get_user_model()._default_manager.filter(is_active=True)
    known = users.filter(**{f"{USERNAME}__in": names})
    named = {each.get_username(): each for each in known}
    found = [named[name] for name in names if name in named]
    return [each for each in found if each != post.author][:MAX_MENTIONS]


def _place(post: Question | Answer | Comment) -> dict[str, Any]:
    return {str(post._meta.model_name): post}


def mention_urls(question: Question, authors: Iterable[User]) -> dict[str, str]:
    """Return the pages of people by their names, which become links where mentioned.

    They are the authors that the page of a question shows, and those who are mentioned.
    """
    posts = Q(question=question) | Q(answer__question=question)
    found = Mention.objects.filter(posts | Q(comment__question=question))
    mentioned = found.values_list(PERSON_NAME, flat=True).distinct()
    names = {*mentioned, *(each.get_username() for each in authors)}
    return {name: reverse("person", args=[name]) for name in names}
