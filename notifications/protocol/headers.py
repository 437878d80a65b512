"""Headers that only the scripts of a page send."""

# The primary key of the user for whom the page was made; empty for nobody.
USER_HEADER = "Notifications-User"
