"""Every URL of the site: safe methods change nothing, others need a CSRF token."""

import json
import re

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.core.serializers import serialize
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from notifications.models import Control
from notifications.publishing.followables import follow
from project.qa.models import Answer, Question, Topic
from tests.streaming import STREAM
from tests.users import User

# By the name of a part in the URL patterns.
VALUES = {
    "topic": "topic:milk",
    "slug": "milk",
    "pk": "1",
    "username": "root",
    "object_id": "1",
    "key": "1",
    "app_label": "qa",
    "id": "1",
    "content_type_id": "1",
    "url": "",
}


def urls(patterns, prefix="/"):
    """Yield each URL of the site, with values in their places."""
    for each in patterns:
        route = prefix + filled(str(each.pattern))
        if isinstance(each, URLResolver):
            yield from urls(each.url_patterns, route)
        elif isinstance(each, URLPattern):
            yield route


def filled(pattern):
    """Return a URL that a pattern matches."""
    named = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", pattern).strip("^$")
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: VALUES[found[1]], named)


URLS = sorted({*urls(get_resolver().url_patterns)})


@pytest.fixture
def root(log):
    """A superuser, and a row of each kind that the URLs name."""
    root = User.objects.create_superuser("root", pk=User._meta.pk.to_python(1))
    Group.objects.create(pk=1, name="all")
    milk = Topic.objects.create(pk=1, slug="milk", name="Milk")
    question = Question.objects.create(pk=1, title="Why?", body="?", author=root)
    question.topics.add(milk)
    Answer.objects.create(pk=1, question=question, body="!", author=root)
    follow(root, "topic:milk")
    return root


def rows():
    """Return all rows of the database, except sessions."""
    models = [model for model in apps.get_models() if model is not Session]
    return {model: serialize("json", model.objects.order_by("pk")) for model in models}


def test_urls_include_every_part_of_the_site():
    assert {"/", STREAM, "/ask/", "/questions/1/", "/admin/qa/topic/1/change/"} <= {
        *URLS
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_safe_methods_change_nothing(client, root, method):
    client.force_login(root)
    before = rows()

    for url in URLS:
        response = getattr(client, method)(url, {"level": "none", "up_to": "1"})
        response.close()
        assert response.status_code < 500, url

    assert rows() == before
    assert json.loads(before[Control]) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_unsafe_methods_need_a_csrf_token(root, method):
    client = Client(enforce_csrf_checks=True)
    client.force_login(root)
    before = rows()

    responses = {url: getattr(client, method)(url) for url in URLS}

    assert rows() == before
    assert {each.status_code for each in responses.values()} == {403}
