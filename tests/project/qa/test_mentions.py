"""Mentions by `@name`, and the personal topics that bring them."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.urls import reverse

from notifications.api import follow
from project.qa import text
from project.qa.mentions import MAX_MENTIONS
from project.qa.models import Comment, Mention
from project.qa.notifications import authorize
from tests.users import User


@pytest.fixture
def answer_with(as_maja, question):
    """A function with which maja answers the question; it returns the page."""

    def answer_with(body):
        url = question.get_absolute_url()
        return as_maja.post(url, {"body": body}, follow=True).content.decode()

    return answer_with


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("Ask @tobias", ["tobias"]),
        ("@a, @b and @a!", ["a", "b"]),
        ("(@tobias)", ["tobias"]),
        ("Thanks @tobias.", ["tobias.", "tobias"]),
        ("me@example.com, https://x.example/@me", []),
        ("@ home, @@x", []),
        ("@Jörg", ["Jörg"]),
    ],
)
def test_names_after_an_at_sign_are_mentions(body, names):
    assert text.mentioned_names(body) == names


def test_mentions_are_links_except_in_links_and_code():
    markup = (
        "<p>@ada, @ada. @bob <code>@ada</code> "
        '<a href="https://x.example/?a=1>@ada">see @ada</a> @ada</p>'
    )

    linked = text.link_mentions(markup, {"ada": "/people/ada/"})

    assert linked.count('<a href="/people/ada/">@ada</a>') == 3
    assert "<code>@ada</code>" in linked
    assert "see @ada</a>" in linked
    assert "@bob" in linked


def test_mentioned_person_is_notified(answer_with, tobias, inbox_of):
    page = answer_with("Ask @tobias.")

    assert inbox_of("tobias") == ["mention"]
    assert '<a href="/people/tobias/">@tobias</a>.' in page


def test_question_and_comment_can_mention(as_maja, question, tobias, inbox_of):
    data = {"title": "t", "body": "@tobias?", "topics": "Tea"}
    as_maja.post(reverse("ask"), data)
    url = reverse("comment_question", args=[question.pk])

    as_maja.post(url, {"body": "@tobias!"})

    assert inbox_of("tobias") == ["mention", "mention"]


def test_edit_notifies_only_people_who_were_not_mentioned(
    as_maja, answer_with, tobias, question, inbox_of
):
    User.objects.create_user("lena")
    answer_with("Ask @tobias")
    url = reverse("edit_answer", args=[question.answers.get().pk])

    as_maja.post(url, {"body": "Ask somebody"})
    as_maja.post(url, {"body": "Ask @tobias or @lena"})

    assert inbox_of("tobias") == ["mention"]
    assert inbox_of("lena") == ["mention"]


def test_own_name_unknown_names_and_inactive_people_are_not_mentioned(answer_with):
    User.objects.create_user("gone", is_active=False)

    page = answer_with("@maja @nobody @gone")

    assert not Mention.objects.exists()
    assert "@nobody" in page
    assert "/people/nobody/" not in page


def test_one_post_mentions_few_people(answer_with):
    names = [f"p{number}" for number in range(MAX_MENTIONS + 2)]
    User.objects.bulk_create(User(username=name) for name in names)

    answer_with(" ".join(f"@{name}" for name in names))

    mentioned = Mention.objects.values_list("person__username", flat=True)
    assert {*mentioned} == {*names[:MAX_MENTIONS]}


def test_mention_is_retracted_with_its_post(
    as_maja, answer_with, tobias, question, inbox_of
):
    answer_with("Ask @tobias")

    question.answers.get().delete()

    assert inbox_of("tobias") == []


def test_person_who_muted_notices_gets_none(answer_with, tobias, inbox_of):
    follow(tobias, f"personal:{tobias.pk}", level="mute")

    answer_with("Ask @tobias")

    assert inbox_of("tobias") == []


def test_followers_of_a_person_do_not_see_what_is_personal(
    answer_with, tobias, question, inbox_of
):
    lena = User.objects.create_user("lena")
    follow(lena, f"user:{tobias.pk}")
    # As if it were allowed: the inbox asks again.
    follow(lena, f"personal:{tobias.pk}")

    answer_with("Ask @tobias")

    assert inbox_of("lena") == []


@pytest.mark.parametrize("topic", ["personal:{}", "personal:*"])
def test_personal_topic_of_another_person_is_refused(client, maja, tobias, topic):
    client.force_login(tobias)
    name = topic.format(maja.pk)

    followed = client.put(f"/notifications/follows/{name}/")
    streamed = client.get("/notifications/stream/", {"topic": name})

    assert (followed.status_code, streamed.status_code) == (404, 404)


def test_personal_topic_is_for_its_person_alone(maja, tobias):
    topic = f"personal:{maja.pk}"

    assert authorize(maja, topic)
    assert not authorize(tobias, topic)
    assert not authorize(AnonymousUser(), topic)
    assert authorize(AnonymousUser(), "topic:espresso")


def test_inbox_says_who_mentioned_and_why(client, answer_with, tobias):
    answer_with("Ask @tobias")
    client.force_login(tobias)

    page = client.get("/notifications/").content.decode()

    assert '<a href="/people/maja/">maja</a> mentioned you in <a' in page
    assert "Your mentions and accepted answers" in page


def test_mention_in_a_comment_leads_to_it(as_maja, question, tobias, client):
    url = reverse("comment_question", args=[question.pk])
    as_maja.post(url, {"body": "@tobias"})
    client.force_login(tobias)

    page = client.get("/notifications/").content.decode()

    assert f'href="{Comment.objects.get().get_absolute_url()}"' in page
