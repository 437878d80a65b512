"""The models of the site: topics, questions and answers."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce, Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from project.qa import text


def count_of(rows: models.QuerySet[models.Model], name: str) -> Coalesce:
    """Return the number of `rows` whose column `name` has the key of the outer row.

    As a subquery it is evaluated for the rows of one page only.
    """
    same = rows.filter(**{name: models.OuterRef("pk")}).order_by().values(name)
    return Coalesce(models.Subquery(same.values(n=models.Count("*"))), 0)


class TopicQuerySet(models.QuerySet["Topic"]):
    """Queries for topics."""

    def with_question_count(self) -> Self:
        """Add `question_count` to each topic."""
        asked = Question.topics.through._default_manager.all()
        return self.annotate(question_count=count_of(asked, "topic"))

    def named(self, name: str) -> "Topic":
        """Return the topic with this name, ignoring case; create it if missing."""
        found = self.filter(name__iexact=name).first()
        if found:
            return found
        slug = text.name_to_slug(name, chars=Topic.NAME_CHARS)
        return self.get_or_create(slug=slug, defaults={"name": name})[0]


class QuestionQuerySet(models.QuerySet["Question"]):
    """Queries for questions."""

    def with_answer_count(self) -> Self:
        """Add `answer_count` to each question."""
        return self.annotate(answer_count=count_of(Answer.objects.all(), "question"))

    def for_list(self) -> Self:
        """Fetch with each question what a list of questions shows."""
        listed = self.with_answer_count().select_related("author")
        return listed.prefetch_related("topics")


class Topic(models.Model):
    """A subject that questions are asked under."""

    NAME_CHARS = 60

    slug = models.SlugField(_("slug"), max_length=NAME_CHARS, unique=True)
    name = models.CharField(_("name"), max_length=NAME_CHARS)

    question_count: int  # set by `with_question_count()`

    objects = TopicQuerySet.as_manager()

    class Meta:
        verbose_name = _("topic")
        verbose_name_plural = _("topics")
        ordering = [Lower("name")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("topic", args=[self.slug])


class Post(models.Model):
    """The common fields of questions and answers."""

    body = models.TextField(_("body"))
    # Imported bodies are HTML, those written here are plain text.
    body_is_html = models.BooleanField(default=False, editable=False)
    created = models.DateTimeField(_("created"), default=timezone.now, db_index=True)
    # "<site>:<post id>" of an imported post; a second import finds it by this.
    external_id = models.CharField(
        max_length=200, unique=True, null=True, blank=True, editable=False
    )

    class Meta:
        abstract = True

    @property
    def body_as_html(self) -> SafeString:
        """The body as HTML that is safe to show."""
        if self.body_is_html:
            return text.sanitize(self.body)
        return text.plain_to_html(self.body)

    @property
    def excerpt(self) -> str:
        """The start of the body as plain text on one line."""
        body = text.html_to_text(self.body) if self.body_is_html else self.body
        return text.shorten(body)


class Question(Post):
    """A question under one or more topics."""

    TITLE_CHARS = 200

    title = models.CharField(_("title"), max_length=TITLE_CHARS)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="questions",
        verbose_name=_("author"),
    )
    topics = models.ManyToManyField(
        Topic, related_name="questions", verbose_name=_("topics")
    )

    answer_count: int  # set by `with_answer_count()`

    objects = QuestionQuerySet.as_manager()

    class Meta:
        verbose_name = _("question")
        verbose_name_plural = _("questions")
        ordering = ["-created", "-id"]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("question", args=[self.pk])


class Answer(Post):
    """An answer to a question."""

    question = models.ForeignKey(
        Question,
        on_delete=models.CASCADE,
        related_name="answers",
        verbose_name=_("question"),
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="answers",
        verbose_name=_("author"),
    )

    class Meta:
        verbose_name = _("answer")
        verbose_name_plural = _("answers")
        ordering = ["created", "id"]

    def __str__(self) -> str:
        return _("Answer to %(question)s") % {"question": self.question}

    def get_absolute_url(self) -> str:
        question_url = reverse("question", args=[self.question_id])
        return f"{question_url}#answer-{self.pk}"
