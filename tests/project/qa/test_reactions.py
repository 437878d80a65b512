"""Votes, and the accepted answer."""

import pytest
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse
from pytest_django.asserts import assertRedirects

from notifications.testing import recorded_events
from project.qa.models import Answer


@pytest.fixture
def vote(answer):
    """A function that sends a vote for the answer."""

    def vote(client, value="up"):
        return client.post(reverse("vote_answer", args=[answer.pk]), {"vote": value})

    return vote


@pytest.fixture
def accept(answer):
    """A function that accepts the answer, or another one."""

    def accept(client, value="yes", answer=answer):
        return client.post(
            reverse("accept_answer", args=[answer.pk]), {"accept": value}
        )

    return accept


def test_vote_is_counted_once_and_can_be_taken_back(as_maja, answer, vote):
    assertRedirects(vote(as_maja), answer.get_absolute_url())
    vote(as_maja)
    assert answer.voters.count() == 1
    page = as_maja.get(answer.question.get_absolute_url()).content.decode()
    assert 'value="none" aria-pressed="true">Helpful <span' in page
    assert "1 vote<" in page

    vote(as_maja, "none")

    assert answer.voters.count() == 0
    page = as_maja.get(answer.question.get_absolute_url()).content.decode()
    assert 'value="up" aria-pressed="false">Helpful</button>' in page


def test_question_can_be_voted_for(client, question, tobias):
    client.force_login(tobias)

    response = client.post(reverse("vote_question", args=[question.pk]), {"vote": "up"})

    assertRedirects(response, question.get_absolute_url())
    assert list(question.voters.all()) == [tobias]


def test_vote_is_no_event(as_maja, vote):
    with recorded_events() as events:
        vote(as_maja)

    assert events == []


def test_nobody_votes_for_their_own_posts(client, answer, tobias, vote):
    client.force_login(tobias)

    assert vote(client).status_code == 403
    assert answer.voters.count() == 0
    page = client.get(answer.question.get_absolute_url()).content.decode()
    assert reverse("vote_answer", args=[answer.pk]) not in page
    assert reverse("vote_question", args=[answer.question_id]) in page


def test_accepted_answer_is_marked_and_comes_first(as_maja, answer, accept, maja):
    second = Answer.objects.create(question=answer.question, author=maja, body="Mine")

    response = accept(as_maja, answer=second)

    assertRedirects(response, second.get_absolute_url())
    page = as_maja.get(answer.question.get_absolute_url()).content.decode()
    assert "Accepted answer" in page
    assert page.index(f"answer-{second.pk}") < page.index(f"answer-{answer.pk}")


def test_one_answer_is_accepted_at_a_time(as_maja, answer, accept, tobias):
    second = Answer.objects.create(question=answer.question, author=tobias, body="b")
    accept(as_maja)

    accept(as_maja, answer=second)

    assert list(Answer.objects.filter(accepted=True)) == [second]


def test_database_allows_one_accepted_answer(answer, tobias):
    Answer.objects.filter(pk=answer.pk).update(accepted=True)
    fields = {"question": answer.question, "author": tobias, "accepted": True}

    with pytest.raises(IntegrityError):
        Answer.objects.create(body="b", **fields)


def test_author_of_an_accepted_answer_is_notified_once(
    as_maja, answer, accept, inbox_of
):
    accept(as_maja)
    accept(as_maja, "no")
    assert not Answer.objects.get().accepted
    accept(as_maja)

    assert inbox_of("tobias") == ["answer_accepted"]
    assert "answer_accepted" not in inbox_of("maja")


def test_own_accepted_answer_notifies_nobody(as_maja, question, maja, accept, inbox_of):
    own = Answer.objects.create(question=question, author=maja, body="Found it.")

    accept(as_maja, answer=own)

    assert "answer_accepted" not in inbox_of("maja")


def test_only_the_asker_accepts(client, answer, tobias, accept):
    client.force_login(tobias)

    assert accept(client).status_code == 403
    assert not Answer.objects.get().accepted
    page = client.get(answer.question.get_absolute_url()).content.decode()
    assert "Accept this answer" not in page


@pytest.mark.parametrize("name", ["vote_answer", "accept_answer"])
def test_reactions_need_a_post_a_token_and_a_user(client, as_maja, answer, name):
    url = reverse(name, args=[answer.pk])
    strict, anonymous = Client(enforce_csrf_checks=True), Client()

    assert as_maja.get(url).status_code == 405
    assert strict.post(url).status_code == 403
    assertRedirects(
        anonymous.post(url),
        f"/login/?next=/questions/{answer.question_id}/%23answer-{answer.pk}",
    )


def test_anonymous_user_sees_votes_and_no_buttons(client, answer, maja):
    answer.voters.add(maja)

    page = client.get(answer.question.get_absolute_url()).content.decode()

    assert '<span class="votes">1 vote</span>' in page
    assert "Helpful" not in page
    assert "/comment/" not in page
