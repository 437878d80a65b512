"""Headers of requests that only scripts of a page send."""

# The primary key of the user for whom the page was made; empty for nobody.
USER_HEADER = "Notifications-User"
