"""What is in a person's inbox, as the tests compare it."""

from notifications.models import Event, Inbox


def inbox_of(user):
    """Return the events of a person's inbox, newest first."""
    return _events(Inbox(user).events())


def unread_of(user):
    """Return the events that a person has not read, newest first."""
    inbox = Inbox(user)
    return _events(inbox.unread(inbox.events()))


def _events(found):
    events = Event.objects.in_bulk([each.pk for each in found])
    return [events[each.pk] for each in found]
