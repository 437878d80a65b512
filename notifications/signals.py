"""Signals that the app sends."""

from django.dispatch import Signal

# An event was recorded, in the transaction that it belongs to: `event` is its row.
event_recorded = Signal()
