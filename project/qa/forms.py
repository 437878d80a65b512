"""The forms for questions and answers; a valid form can save itself."""

import re
from collections.abc import Iterable
from typing import Any, Self

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from project.qa.mentions import save_mentions
from project.qa.models import Answer, Comment, Question, Topic
from project.qa.text import name_to_slug

MAX_BODY_CHARS = 30_000
MAX_TOPICS = 5
TOPIC_SIGNS = "+ # . & ' / ( ) -"
TOPIC_NAME = re.compile(rf"[\w{TOPIC_SIGNS}]+")


class SignupForm(UserCreationForm):  # type: ignore[type-arg]
    """A new account."""

    class Meta(UserCreationForm.Meta):
        model = get_user_model()
        fields = (model.USERNAME_FIELD,)


class TopicsInput(forms.TextInput):
    """Text inputs with one name; each takes a topic, or several with commas."""

    def value_from_datadict(
        self, data: Any, files: MultiValueDict[str, Any], name: str
    ) -> list[str]:
        parts = ",".join(data.getlist(name)).split(",")
        names = (" ".join(part.split()) for part in parts)
        return [each for each in names if each]


class TopicsField(forms.Field):
    """The names of one to five topics, which are created if missing."""

    widget = TopicsInput
    default_error_messages = {
        "required": gettext_lazy("Add at least one topic."),
        "too_many": ngettext_lazy(
            "Add at most %(most)d topic.", "Add at most %(most)d topics.", "most"
        ),
    }

    def to_python(self, value: Iterable[str] | None) -> list[str]:
        """Return the names without duplicates; case does not matter."""
        first: dict[str, str] = {}
        for name in value or []:
            first.setdefault(name.casefold(), name)
        return list(first.values())

    def validate(self, value: list[str]) -> None:
        """Raise ValidationError for no names, too many names and invalid names."""
        super().validate(value)
        if len(value) > MAX_TOPICS:
            raise ValidationError(
                self.error_messages["too_many"],
                code="too_many",
                params={"most": MAX_TOPICS},
            )
        problems = [problem for name in value for problem in topic_name_problems(name)]
        if problems:
            raise ValidationError(problems)


def topic_name_problems(name: str) -> Iterable[str]:
    """Yield an error message for each problem of a name."""
    if len(name) > Topic.NAME_CHARS:
        problem = ngettext(
            "“%(start)s…” is too long: use at most %(most)d character.",
            "“%(start)s…” is too long: use at most %(most)d characters.",
            Topic.NAME_CHARS,
        )
        yield problem % {"start": name[:20], "most": Topic.NAME_CHARS}
    elif not TOPIC_NAME.fullmatch(name):
        problem = _(
            "“%(name)s” may only contain letters, digits, spaces and %(signs)s."
        )
        yield problem % {"name": name, "signs": TOPIC_SIGNS}
    elif not name_to_slug(name, chars=Topic.NAME_CHARS):
        problem = _("“%(name)s” needs at least one letter from a to z, or a digit.")
        yield problem % {"name": name}


class AskForm(forms.Form):
    """A new question."""

    title = forms.CharField(
        label=gettext_lazy("Title"),
        max_length=Question.TITLE_CHARS,
        help_text=gettext_lazy(
            "One sentence that others will find when they have the same problem."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )
    body = forms.CharField(
        label=gettext_lazy("Details"),
        max_length=MAX_BODY_CHARS,
        help_text=gettext_lazy(
            "What you tried, and what happened. A blank line starts a paragraph."
        ),
        widget=forms.Textarea(attrs={"rows": 10, "dir": "auto"}),
    )
    topics = TopicsField(
        label=gettext_lazy("Topics"),
        help_text=format_lazy(
            gettext_lazy("One to {most}. A new name creates a new topic."),
            most=MAX_TOPICS,
        ),
    )

    @property
    def topic_slots(self) -> list[str]:
        """The values of the inputs for topics, including the empty ones."""
        names = list(self["topics"].value() or [])
        return names + [""] * (MAX_TOPICS - len(names))

    @classmethod
    def editing(cls, question: Question, data: Any = None) -> Self:
        """Return the form to edit a question."""
        names = [topic.name for topic in question.topics.all()]
        initial = {"title": question.title, "body": question.body, "topics": names}
        return cls(data, initial=initial)

    @transaction.atomic
    def save(self, *, author: User) -> Question:
        """Create the question and its new topics in one transaction."""
        question = Question(author=author)
        self._apply_to(question)
        return question

    @transaction.atomic
    def update(self, question: Question) -> None:
        """Change the question."""
        question.edited = timezone.now()
        self._apply_to(question)

    def _apply_to(self, question: Question) -> None:
        data = self.cleaned_data
        question.title, question.body = data["title"], data["body"]
        question.save()
        question.topics.set([Topic.objects.named(name) for name in data["topics"]])
        save_mentions(question)


class AnswerForm(forms.Form):
    """A new answer to a question."""

    body = forms.CharField(
        label=gettext_lazy("Your answer"),
        max_length=MAX_BODY_CHARS,
        help_text=gettext_lazy(
            "Plain text. Addresses become links, blank lines make paragraphs."
        ),
        widget=forms.Textarea(attrs={"rows": 8, "dir": "auto"}),
    )

    @transaction.atomic
    def save(self, *, question: Question, author: User) -> Answer:
        """Create the answer."""
        answer = Answer.objects.create(
            question=question, author=author, body=self.cleaned_data["body"]
        )
        save_mentions(answer)
        return answer

    @transaction.atomic
    def update(self, answer: Answer) -> None:
        """Change the answer."""
        answer.body, answer.edited = self.cleaned_data["body"], timezone.now()
        answer.save(update_fields=["body", "edited"])
        save_mentions(answer)


class CommentForm(forms.Form):
    """A new comment on a question or an answer."""

    body = forms.CharField(
        label=gettext_lazy("Your comment"),
        max_length=Comment.BODY_CHARS,
        help_text=format_lazy(
            gettext_lazy(
                "At most {most} characters. Write @ and a name to notify somebody."
            ),
            most=Comment.BODY_CHARS,
        ),
        widget=forms.Textarea(attrs={"rows": 4, "dir": "auto"}),
    )

    @transaction.atomic
    def save(self, *, post: Question | Answer, author: User) -> Comment:
        """Create the comment."""
        answer = post if isinstance(post, Answer) else None
        question = post if isinstance(post, Question) else post.question
        comment = Comment.objects.create(
            question=question,
            answer=answer,
            author=author,
            body=self.cleaned_data["body"],
        )
        save_mentions(comment)
        return comment
