"""Topics, questions and answers: what the site is about."""

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone


class Topic(models.Model):
    """A subject that questions are asked under."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=60)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("topic", args=[self.slug])


class Post(models.Model):
    """What a question and an answer have in common."""

    body = models.TextField()
    # True for a body that came as HTML (an import); a typed one is plain text.
    body_is_html = models.BooleanField(default=False, editable=False)
    created = models.DateTimeField(default=timezone.now, db_index=True)
    # "<site>:<post id>" of a post that was imported, so that it is not made twice.
    external_id = models.CharField(
        max_length=200, unique=True, null=True, blank=True, editable=False
    )

    class Meta:
        abstract = True


class Question(Post):
    """What somebody wants to know."""

    title = models.CharField(max_length=200)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="questions"
    )
    topics = models.ManyToManyField(Topic, related_name="questions")

    class Meta:
        ordering = ["-created", "-id"]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("question", args=[self.pk])


class Answer(Post):
    """What somebody replied to a question."""

    question = models.ForeignKey(
        Question, on_delete=models.CASCADE, related_name="answers"
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="answers"
    )

    class Meta:
        ordering = ["created", "id"]

    def __str__(self) -> str:
        return f"Answer to {self.question}"

    def get_absolute_url(self) -> str:
        return f"{self.question.get_absolute_url()}#answer-{self.pk}"
