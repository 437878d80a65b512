"""The app of the example: all it does is in notifications.py."""
