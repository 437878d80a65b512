"""Small tools that know nothing of this app, and nothing of Django."""
