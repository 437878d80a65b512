"""Publish an event for each new user."""

import msgspec
from django.contrib.auth.models import User

from notifications.api import EventType, followable, topic_of, watch


class NewMember(msgspec.Struct):
    """The fields of the event."""

    name: str


NEW_MEMBER = EventType("new_member", NewMember, label="New member")

followable(User, kind="user", public=True)
watch(
    User,
    NEW_MEMBER,
    topics=lambda user: [topic_of(user)],
    payload=lambda user: NewMember(name=user.username),
    actor=lambda user: None,
)
