"""The pages to write comments, and to edit and delete what one has written.

Only the author of a post may change it.
"""

from typing import TypeVar

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from project.qa.forms import AnswerForm, AskForm, CommentForm
from project.qa.models import Answer, Comment, Question, Topic
from project.qa.views import SignedInRequest, form_view, posted

WrittenT = TypeVar("WrittenT", Question, Answer, Comment)


@form_view
@login_required
def edit_question(request: SignedInRequest, pk: int) -> HttpResponse:
    """Change the title, the details and the topics of a question."""
    question = _own(request, Question.objects.prefetch_related("topics"), pk)
    form = AskForm.editing(question, _data(request))
    if form.is_valid():
        form.update(question)
        messages.success(request, _("Your changes are saved."))
        return redirect(question)
    names = Topic.objects.values_list("name", flat=True)
    context = {"form": form, "topic_names": names, "question": question}
    return render(request, "qa/ask.html", context)


@form_view
@login_required
def edit_answer(request: SignedInRequest, pk: int) -> HttpResponse:
    """Change the text of an answer."""
    answer = _own(request, Answer.objects.select_related("question"), pk)
    form = AnswerForm(_data(request), initial={"body": answer.body})
    if form.is_valid():
        form.update(answer)
        messages.success(request, _("Your changes are saved."))
        return redirect(answer)
    context = {"form": form, "post": answer, "question": answer.question}
    return render(request, "qa/edit_answer.html", context)


@form_view
@login_required
def comment_question(request: SignedInRequest, pk: int) -> HttpResponse:
    """Comment on a question."""
    question = get_object_or_404(Question.objects.select_related("author"), pk=pk)
    return _comment(request, question, question)


@form_view
@login_required
def comment_answer(request: SignedInRequest, pk: int) -> HttpResponse:
    """Comment on an answer."""
    answers = Answer.objects.select_related("author", "question")
    answer = get_object_or_404(answers, pk=pk)
    return _comment(request, answer, answer.question)


def _comment(
    request: SignedInRequest, post: Question | Answer, question: Question
) -> HttpResponse:
    form = CommentForm(_data(request))
    if form.is_valid():
        comment = form.save(post=post, author=request.user)
        posted(request, _("Your comment is posted."))
        return redirect(comment)
    context = {"form": form, "post": post, "question": question}
    return render(request, "qa/comment.html", context)


@form_view
@login_required
def delete_question(request: SignedInRequest, pk: int) -> HttpResponse:
    """Delete a question with its answers, after asking."""
    question = _own(request, Question.objects.with_answer_count(), pk)
    return _delete(request, question, question, _("Your question is deleted."))


@form_view
@login_required
def delete_answer(request: SignedInRequest, pk: int) -> HttpResponse:
    """Delete an answer, after asking."""
    answer = _own(request, Answer.objects.select_related("question"), pk)
    return _delete(request, answer, answer.question, _("Your answer is deleted."))


@form_view
@login_required
def delete_comment(request: SignedInRequest, pk: int) -> HttpResponse:
    """Delete a comment, after asking."""
    comment = _own(request, Comment.objects.select_related("question"), pk)
    return _delete(request, comment, comment.question, _("Your comment is deleted."))


def _delete(
    request: HttpRequest,
    post: Question | Answer | Comment,
    question: Question,
    message: str,
) -> HttpResponse:
    """Ask whether to delete a post; when that is sent, delete it and say so."""
    if request.method != "POST":
        context = {"post": post, "question": question, "kind": post._meta.model_name}
        return render(request, "qa/delete.html", context)
    post.delete()
    messages.success(request, message)
    return redirect("home" if post is question else question)


def _own(request: HttpRequest, rows: QuerySet[WrittenT], pk: int) -> WrittenT:
    """Return what the user has written; raise Http404 or PermissionDenied."""
    found = get_object_or_404(rows.select_related("author"), pk=pk)
    if found.author != request.user:
        raise PermissionDenied
    return found


def _data(request: HttpRequest) -> QueryDict | None:
    """Return the data of a form that was sent, or None."""
    return request.POST if request.method == "POST" else None
