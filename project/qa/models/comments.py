"""Comments on questions and answers, and mentions of people."""

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from project.qa import text
from project.qa.models.questions import Answer, Question


class Comment(models.Model):
    """A remark on a question, or on an answer to it."""

    BODY_CHARS = 600

    question = models.ForeignKey(
        Question,
        on_delete=models.CASCADE,
        related_name="comments",
        verbose_name=_("question"),
    )
    answer = models.ForeignKey(
        Answer,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="comments",
        verbose_name=_("answer"),
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="comments",
        verbose_name=_("author"),
    )
    body = models.TextField(_("body"), max_length=BODY_CHARS)
    created = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("comment")
        verbose_name_plural = _("comments")
        ordering = ["created", "id"]

    def __str__(self) -> str:
        return self.excerpt

    def get_absolute_url(self) -> str:
        return f"{reverse('question', args=[self.question_id])}#comment-{self.pk}"

    @property
    def body_as_html(self) -> SafeString:
        """The body as HTML that is safe to show."""
        return text.plain_to_html(self.body)

    @property
    def excerpt(self) -> str:
        """The start of the body on one line."""
        return text.shorten(self.body)


class Mention(models.Model):
    """A person who is named in a question, an answer or a comment, as `@name`.

    It stays when the post is edited, so that a person is mentioned once by each.
    """

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="mentions"
    )
    # One of these is set.
    question = models.ForeignKey(
        Question, on_delete=models.CASCADE, null=True, related_name="mentions"
    )
    answer = models.ForeignKey(
        Answer, on_delete=models.CASCADE, null=True, related_name="mentions"
    )
    comment = models.ForeignKey(
        Comment, on_delete=models.CASCADE, null=True, related_name="mentions"
    )

    class Meta:
        verbose_name = _("mention")
        verbose_name_plural = _("mentions")
        constraints = [
            models.UniqueConstraint(
                fields=["person", place], name=f"qa_one_mention_in_{place}"
            )
            for place in ("question", "answer", "comment")
        ]

    def __str__(self) -> str:
        return f"@{self.person.get_username()}"

    @property
    def post(self) -> Question | Answer | Comment:
        """What the person is mentioned in."""
        posts = (self.question, self.answer, self.comment)
        return next(post for post in posts if post is not None)
