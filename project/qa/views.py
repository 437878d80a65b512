"""The pages of the site; the rules are on the models and forms."""

from collections import defaultdict
from itertools import chain

from django.contrib import messages
from django.contrib.auth import get_user_model, login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.models import User
from django.contrib.auth.views import PasswordChangeView, redirect_to_login
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from project.qa.forms import AnswerForm, AskForm, SignupForm
from project.qa.mentions import mention_urls
from project.qa.models import Answer, Comment, Question, Topic
from project.qa.pagination import paginate
from project.qa.text import remove_nul

TOPICS_PER_PAGE = 60
ACCOUNT_BACKEND = "django.contrib.auth.backends.ModelBackend"

form_view = require_http_methods(["GET", "HEAD", "POST"])


class SignedInRequest(HttpRequest):
    """A request of a signed-in user, as `login_required` ensures."""

    user: User


def posted(request: HttpRequest, text: str) -> None:
    """Say that what was written is posted; the browser's draft of it goes."""
    messages.success(request, text, extra_tags=request.path)


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show the newest questions."""
    page = paginate(Question.objects.for_list(), request.GET)
    return render(request, "qa/home.html", {"page": page})


@require_safe
def topics(request: HttpRequest) -> HttpResponse:
    """Show the topics; `?q=` keeps those with this text in their name."""
    query = remove_nul(request.GET.get("q", "")).strip()
    found = Topic.objects.filter(name__icontains=query).with_question_count()
    page = Paginator(found, TOPICS_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "qa/topics.html", {"page": page, "q": query})


@require_safe
def topic(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the newest questions under a topic."""
    topic = get_object_or_404(Topic.objects.with_question_count(), slug=slug)
    page = paginate(Question.objects.for_list().filter(topics=topic), request.GET)
    return render(request, "qa/topic.html", {"topic": topic, "page": page})


@require_safe
def person(request: HttpRequest, username: str) -> HttpResponse:
    """Show the questions and answers of a user."""
    users = get_user_model()
    person = get_object_or_404(users, **{users.USERNAME_FIELD: remove_nul(username)})
    asked = Question.objects.for_list().filter(author=person)
    answered = Answer.objects.filter(author=person).select_related("question", "author")
    context = {
        "person": person,
        "page": paginate(asked, request.GET),
        "answers": paginate(answered, request.GET, prefix="answers_"),
    }
    return render(request, "qa/person.html", context)


@form_view
def question(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a question with its answers; a POST adds an answer."""
    questions = Question.objects.select_related("author").prefetch_related("topics")
    question = get_object_or_404(questions.with_votes(request.user), pk=pk)
    if request.method != "POST":
        return _question_page(request, question, AnswerForm())
    if not request.user.is_authenticated:
        return redirect_to_login(question.get_absolute_url())
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return _question_page(request, question, form)
    answer = form.save(question=question, author=request.user)
    posted(request, _("Your answer is posted."))
    return redirect(answer)


def _question_page(
    request: HttpRequest, question: Question, form: AnswerForm
) -> HttpResponse:
    answers = question.answers.select_related("author").with_votes(request.user)
    answers = answers.in_reading_order()
    comments: defaultdict[int | None, list[Comment]] = defaultdict(list)
    for comment in question.comments.select_related("author"):
        comments[comment.answer_id].append(comment)
    posts: list[Question | Answer | Comment] = [question, *answers]
    posts += chain(*comments.values())
    context = {
        "question": question,
        "answers": [(each, comments[each.pk]) for each in answers],
        "comments": comments[None],
        "mentioned": mention_urls(question, (post.author for post in posts)),
        "form": form,
    }
    return render(request, "qa/question.html", context)


@form_view
@login_required
def ask(request: SignedInRequest) -> HttpResponse:
    """Ask a question; `?topic=` fills in the name of the topic with this slug."""
    if request.method != "POST":
        return _ask_page(request, AskForm(initial={"topics": _initial_topics(request)}))
    form = AskForm(request.POST)
    if not form.is_valid():
        return _ask_page(request, form)
    question = form.save(author=request.user)
    posted(request, _("Your question is posted."))
    return redirect(question)


def _initial_topics(request: HttpRequest) -> list[str]:
    slug = remove_nul(request.GET.get("topic", ""))
    return list(Topic.objects.filter(slug=slug).values_list("name", flat=True))


def _ask_page(request: HttpRequest, form: AskForm) -> HttpResponse:
    names = Topic.objects.values_list("name", flat=True)
    return render(request, "qa/ask.html", {"form": form, "topic_names": names})


@sensitive_post_parameters()
@form_view
def signup(request: HttpRequest) -> HttpResponse:
    """Create an account and sign in."""
    target = _safe_next(request)
    if request.user.is_authenticated:
        return HttpResponseRedirect(target)
    form = SignupForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        context = {"form": form, "next": target}
        return render(request, "registration/signup.html", context)
    with transaction.atomic():
        login(request, form.save(), backend=ACCOUNT_BACKEND)
    messages.success(request, _("Welcome! Your account is ready."))
    return HttpResponseRedirect(target)


def _safe_next(request: HttpRequest) -> str:
    target = request.POST.get("next") or request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if safe else reverse("home")


class PasswordChange(PasswordChangeView):
    """Change the password of the signed-in user."""

    # The default name would use the admin's template.
    template_name = "registration/password_form.html"
    success_url = reverse_lazy("home")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        messages.success(self.request, _("Your password is changed."))
        return super().form_valid(form)
