"""The site's own middleware."""

from csp.middleware import CSPMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase

EVENT_STREAM = "text/event-stream"


class PagePolicyMiddleware(CSPMiddleware):
    """Adds the Content-Security-Policy to every response but event streams.

    Browsers do not render streams, and when thousands of clients reconnect, building a
    policy for each takes time.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if response.headers.get("Content-Type", "").startswith(EVENT_STREAM):
            return response
        return super().process_response(request, response)
