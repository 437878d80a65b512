"""The app of the example; notifications.py has all of its code."""
