"""Topics, questions and answers in the admin."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from project.qa.models import Answer, Question, Topic


@admin.register(Topic)
class TopicAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Topics, with how much is asked under each."""

    list_display = ["name", "slug", "question_count"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Topic]:
        return Topic.objects.with_question_count()

    @admin.display(description=_("questions"), ordering="question_count")
    def question_count(self, topic: Topic) -> int:
        """Return how many questions are asked under the topic."""
        return topic.question_count


class AnswerInline(admin.StackedInline):  # type: ignore[type-arg]
    """The answers, below their question."""

    model = Answer
    fields = ["author", "created", "body"]
    autocomplete_fields = ["author"]
    extra = 0


@admin.register(Question)
class QuestionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Questions with their answers."""

    list_display = ["title", "author", "topic_names", "created", "answer_count"]
    list_filter = ["created", "topics"]
    list_select_related = ["author"]
    search_fields = ["title", "body", "author__username"]
    autocomplete_fields = ["author"]
    filter_horizontal = ["topics"]
    date_hierarchy = "created"
    inlines = [AnswerInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Question]:
        return Question.objects.for_list()

    @admin.display(description=_("topics"))
    def topic_names(self, question: Question) -> str:
        """Return the names of the question's topics."""
        return ", ".join(topic.name for topic in question.topics.all())

    @admin.display(description=_("answers"), ordering="answer_count")
    def answer_count(self, question: Question) -> int:
        """Return how many answers the question has."""
        return question.answer_count


@admin.register(Answer)
class AnswerAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Answers on their own, to search in all of them."""

    list_display = ["excerpt", "question", "author", "created"]
    list_filter = ["created"]
    list_select_related = ["question", "author"]
    search_fields = ["body", "question__title", "author__username"]
    autocomplete_fields = ["question", "author"]
    date_hierarchy = "created"
