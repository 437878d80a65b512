"""A user model with UUID keys whose people sign in with their e-mail address."""
