"""Small tools that know nothing of this app and import nothing of Django."""
