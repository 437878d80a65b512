"""Signals that the app sends."""

from django.dispatch import Signal

# Sent when an event is recorded, inside its transaction; `event` is the row.
event_recorded = Signal()
