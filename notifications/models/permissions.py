"""What a person may see of what they follow: AUTHORIZE, asked once about a topic."""

from collections.abc import Iterable
from typing import Any

from notifications.conf import conf
from notifications.protocol.subscriptions import Subscriptions
from notifications.protocol.topics import EVERYONE


class TopicPermissions:
    """The topics that a person may see, for one request.

    A follow of another topic brings no event. A mute counts, whatever the topic.
    """

    def __init__(self, user: Any) -> None:
        self._user = user
        # What AUTHORIZE returned, by topic.
        self._allowed: dict[str, bool] = {}

    def may_see(self, topic: str) -> bool:
        """Tell whether the person may see a topic."""
        if topic not in self._allowed:
            # What is for everyone with an account needs no permission.
            allowed = topic == EVERYONE or bool(conf.AUTHORIZE(self._user, topic))
            self._allowed[topic] = allowed
        return self._allowed[topic]

    def restrict(
        self, subscriptions: Subscriptions, topics: Iterable[str]
    ) -> Subscriptions:
        """Return the subscriptions without those of the topics that are refused."""
        followed = subscriptions.followed_since.keys() & {*topics}
        return subscriptions.without(
            [topic for topic in followed if not self.may_see(topic)]
        )

    def without_refused(self, subscriptions: Subscriptions) -> Subscriptions:
        """Return the subscriptions without what was refused already; asks nothing."""
        refused = [topic for topic, allowed in self._allowed.items() if not allowed]
        return subscriptions.without(refused)
