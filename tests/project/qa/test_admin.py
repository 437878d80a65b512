import pytest
from django.urls import reverse

from project.qa.models import Question


@pytest.mark.parametrize("model", ["topic", "question", "answer"])
def test_list_can_be_searched(admin_client, answer, model):
    url = reverse(f"admin:qa_{model}_changelist")

    assert admin_client.get(url).status_code == 200
    assert admin_client.get(url, {"q": "sour"}).status_code == 200


def test_questions_can_be_filtered_by_topic(admin_client, question, espresso):
    url = reverse("admin:qa_question_changelist")

    page = admin_client.get(url, {"topics__id__exact": espresso.pk + 1}).content

    assert b"Why is it sour?" not in page


@pytest.mark.parametrize("model", ["topic", "question", "answer"])
def test_form_is_shown(admin_client, answer, espresso, model):
    found = {"topic": espresso, "question": answer.question, "answer": answer}[model]

    url = reverse(f"admin:qa_{model}_change", args=[found.pk])

    assert admin_client.get(url).status_code == 200


def test_question_is_deleted_with_its_answers(admin_client, answer):
    url = reverse("admin:qa_question_delete", args=[answer.question_id])

    admin_client.post(url, {"post": "yes"})

    assert not Question.objects.exists()


def test_number_of_queries_does_not_depend_on_the_list(
    admin_client, many_questions, django_assert_max_num_queries
):
    with django_assert_max_num_queries(16):
        admin_client.get(reverse("admin:qa_question_changelist"))


def test_user_without_permission_is_redirected_to_sign_in(as_maja, question):
    response = as_maja.get(reverse("admin:qa_question_changelist"))

    assert response.status_code == 302
