"""What the site does to each request beside what Django and the libraries do."""

from csp.middleware import CSPMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase

EVENT_STREAM = "text/event-stream"


class PagePolicyMiddleware(CSPMiddleware):
    """Send the policy with everything but streams.

    No browser shows those, and when thousands come back at once, writing a policy for
    each would be work for nothing.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if response.headers.get("Content-Type", "").startswith(EVENT_STREAM):
            return response
        return super().process_response(request, response)
