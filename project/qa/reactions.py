"""Votes for posts, and the answer that a question's author accepts: forms, no pages."""

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from project.qa.models import Answer, Question


@require_POST
def vote_question(request: HttpRequest, pk: int) -> HttpResponse:
    """Vote for a question, or take the vote back."""
    return _vote(request, get_object_or_404(Question, pk=pk))


@require_POST
def vote_answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Vote for an answer, or take the vote back."""
    return _vote(request, get_object_or_404(Answer, pk=pk))


def _vote(request: HttpRequest, post: Question | Answer) -> HttpResponse:
    """Add the user's vote with `vote=up`; remove it with anything else."""
    user = request.user
    if not user.is_authenticated:
        return redirect_to_login(post.get_absolute_url())
    if post.author_id == user.pk:
        raise PermissionDenied
    if request.POST.get("vote") == "up":
        post.voters.add(user)
    else:
        post.voters.remove(user)
    return redirect(post)


@require_POST
def accept_answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Accept an answer with `accept=yes`; with anything else, no longer."""
    answer = get_object_or_404(Answer.objects.select_related("question"), pk=pk)
    if not request.user.is_authenticated:
        return redirect_to_login(answer.get_absolute_url())
    if answer.question.author_id != request.user.pk:
        raise PermissionDenied
    if request.POST.get("accept") == "yes":
        answer.accept()
        messages.success(request, _("You accepted this answer."))
    else:
        answer.accepted = False
        answer.save(update_fields=["accepted"])
        messages.success(request, _("The answer is no longer accepted."))
    return redirect(answer)
