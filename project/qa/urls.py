"""The URLs of the Q&A site."""

from django.contrib.auth import views as auth_views
from django.urls import path

from project.qa import activity, views

urlpatterns = [
    path("", views.home, name="home"),
    path("activity/", activity.activity, name="activity"),
    path("topics/", views.topics, name="topics"),
    path("topics/<slug:slug>/", views.topic, name="topic"),
    path("questions/<int:pk>/", views.question, name="question"),
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
