"""The URLs of the Q&A site."""

from django.contrib.auth import views as auth_views
from django.urls import path

from project.qa import activity, editing, reactions, views

urlpatterns = [
    path("", views.home, name="home"),
    path("activity/", activity.activity, name="activity"),
    path("topics/", views.topics, name="topics"),
    path("topics/<slug:slug>/", views.topic, name="topic"),
    path("questions/<int:pk>/", views.question, name="question"),
    path("questions/<int:pk>/edit/", editing.edit_question, name="edit_question"),
    path("questions/<int:pk>/delete/", editing.delete_question, name="delete_question"),
    path(
        "questions/<int:pk>/comment/", editing.comment_question, name="comment_question"
    ),
    path("questions/<int:pk>/vote/", reactions.vote_question, name="vote_question"),
    path("answers/<int:pk>/edit/", editing.edit_answer, name="edit_answer"),
    path("answers/<int:pk>/delete/", editing.delete_answer, name="delete_answer"),
    path("answers/<int:pk>/comment/", editing.comment_answer, name="comment_answer"),
    path("answers/<int:pk>/vote/", reactions.vote_answer, name="vote_answer"),
    path("answers/<int:pk>/accept/", reactions.accept_answer, name="accept_answer"),
    path("comments/<int:pk>/delete/", editing.delete_comment, name="delete_comment"),
    path("ask/", views.ask, name="ask"),
    path("people/<str:username>/", views.person, name="person"),
    path("signup/", views.signup, name="signup"),
    path(
        "login/",
        auth_views.LoginView.as_view(redirect_authenticated_user=True),
        name="login",
    ),
    path("logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("password/", views.PasswordChange.as_view(), name="password"),
]
