"""The models of the site."""

from project.qa.models.comments import Comment, Mention
from project.qa.models.questions import Answer, Post, Question, Topic

__all__ = ["Answer", "Comment", "Mention", "Post", "Question", "Topic"]
