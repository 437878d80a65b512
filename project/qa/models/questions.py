"""Topics, the questions under them, and the answers to these."""

from typing import Any, Self, TypeVar

from django.conf import settings
from django.db import models, transaction
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from project.qa import text
from project.qa.counts import count_of

PostT = TypeVar("PostT", bound="Post")


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


class PostQuerySet(models.QuerySet[PostT]):
    """Queries for questions and answers."""

    def with_votes(self, user: Any) -> Self:
        """Add `vote_count` to each post, and `has_my_vote` for this user."""
        field = self.model.voters.field
        name, voter = field.m2m_field_name(), field.m2m_reverse_field_name()
        votes = self.model.voters.through._default_manager.all()
        mine = votes.filter(**{name: models.OuterRef("pk"), voter: user.pk})
        return self.annotate(
            vote_count=count_of(votes, name), has_my_vote=models.Exists(mine)
        )


class QuestionQuerySet(PostQuerySet["Question"]):
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


class AnswerQuerySet(PostQuerySet["Answer"]):
    """Queries for answers."""

    def in_reading_order(self) -> Self:
        """Put the accepted answer first, then the oldest."""
        return self.order_by("-accepted", "created", "id")


class Post(models.Model):
    """The common fields of questions and answers."""

    body = models.TextField(_("body"))
    # Imported bodies are HTML, those written here are plain text.
    body_is_html = models.BooleanField(default=False, editable=False)
    created = models.DateTimeField(_("created"), default=timezone.now, db_index=True)
    edited = models.DateTimeField(_("edited"), null=True, editable=False)
    # The people who find it helpful.
    voters = models.ManyToManyField(
        settings.AUTH_USER_MODEL, related_name="+", editable=False
    )
    # "<site>:<post id>" of an imported post; a second import finds it by this.
    external_id = models.CharField(
        max_length=200, unique=True, null=True, blank=True, editable=False
    )

    vote_count: int  # set by `with_votes()`
    has_my_vote: bool  # set by `with_votes()`

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
    accepted = models.BooleanField(_("accepted"), default=False, editable=False)

    objects = AnswerQuerySet.as_manager()

    class Meta:
        verbose_name = _("answer")
        verbose_name_plural = _("answers")
        ordering = ["created", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["question"],
                condition=models.Q(accepted=True),
                name="qa_one_accepted_answer",
            )
        ]

    def __str__(self) -> str:
        return _("Answer to %(question)s") % {"question": self.question}

    def get_absolute_url(self) -> str:
        question_url = reverse("question", args=[self.question_id])
        return f"{question_url}#answer-{self.pk}"

    @transaction.atomic
    def accept(self) -> None:
        """Make this the accepted answer to its question, in place of another."""
        # Two tabs that accept different answers take turns.
        Question.objects.select_for_update().get(pk=self.question_id)
        answers = Answer.objects.filter(question=self.question_id, accepted=True)
        answers.exclude(pk=self.pk).update(accepted=False)
        self.accepted = True
        self.save(update_fields=["accepted"])
