"""Refusals of the hub, as the responses of RFC 6750."""

from django.http import HttpResponse

from notifications.exceptions import NotificationsError
from notifications.mercure.conf import MercureSettings
from notifications.streams.refusals import plain

INVALID_REQUEST, INVALID_TOKEN = "invalid_request", "invalid_token"
INSUFFICIENT_SCOPE = "insufficient_scope"


class Refused(NotificationsError):
    """A request that the hub does not serve.

    `error` is the code of RFC 6750 if it is about the token. Without a token that is
    needed, `challenge` is set and there is no code.
    """

    def __init__(
        self, status: int, problem: str, *, error: str = "", challenge: bool = False
    ) -> None:
        self.status = status
        self.problem = problem
        self.error = error
        self.challenge = challenge or bool(error)
        super().__init__(problem)


def response_to(refused: Refused, hub: MercureSettings) -> HttpResponse:
    """Return the response, with a challenge if it is about the token."""
    response = plain(refused.status, refused.problem)
    if refused.challenge:
        parameters = [f'resource_metadata="{hub.metadata_url}"']
        if refused.error:
            parameters.append(f'error="{refused.error}"')
        response["WWW-Authenticate"] = "Bearer " + ", ".join(parameters)
    return response
