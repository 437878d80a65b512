"""Topics, questions and answers in the admin."""

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from project.qa.models import Answer, Question, Topic

AUTHOR = f"author__{get_user_model().USERNAME_FIELD}"


@admin.register(Topic)
class TopicAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Topics with their number of questions."""

    list_display = ["name", "slug", "question_count"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Topic]:
        return Topic.objects.with_question_count()

    @admin.display(description=_("questions"), ordering="question_count")
    def question_count(self, topic: Topic) -> int:
        """Return the number of questions under the topic."""
        return topic.question_count


class AnswerInline(admin.StackedInline):  # type: ignore[type-arg]
    """The answers on the page of their question."""

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
    search_fields = ["title", "body", AUTHOR]
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
        """Return the number of answers to the question."""
        return question.answer_count


@admin.register(Answer)
class AnswerAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """All answers, to search in them."""

    list_display = ["excerpt", "question", "author", "created"]
    list_filter = ["created"]
    list_select_related = ["question", "author"]
    search_fields = ["body", "question__title", AUTHOR]
    autocomplete_fields = ["question", "author"]
    date_hierarchy = "created"
