"""A recipient: which frames one open stream is sent, and which its bell counts.

The rules follow what the subscriber follows and what the request named. No I/O.
"""

from collections.abc import Iterable, Sequence

from notifications.live.subscriber import Subscriber
from notifications.protocol.cursor import NO_CURSOR, Cursor
from notifications.protocol.entries import COUNT_LIMIT, EndEntry
from notifications.protocol.frames import Batch, Frame
from notifications.protocol.subscriptions import NONE, Span, Subscriptions
from notifications.protocol.topics import EVERYONE, wildcard


class Recipient:
    """Who is at the other end of a stream, what they follow, and where they are.

    `subscriptions` are what the subscriber follows, and `requested_topics` are the
    topics and wildcards that the request named. `unseen_count` is the number at the
    client's bell.
    """

    # There are tens of thousands of them.
    __slots__ = (
        "_changed", "counted_up_to", "login", "requested_topics", "session",
        "skip_until", "subscriptions", "unseen_count", "user",
    )  # fmt: skip

    def __init__(
        self,
        subscriber: Subscriber,
        *,
        subscriptions: Subscriptions,
        requested_topics: Iterable[str],
        unseen_count: int | None,
        skip_until: Cursor | None,
    ) -> None:
        self.user = subscriber.user
        self.session = subscriber.session
        self.login = subscriber.login
        self.requested_topics = frozenset(requested_topics) or NONE
        # Changed by the hub, under its lock; replaced, never modified in place.
        self.subscriptions = subscriptions
        # The cursor of the last change, by topic or event type.
        self._changed: dict[str, Cursor] | None = None
        # The client has the frames up to here already.
        self.skip_until = skip_until
        # How many events the subscriber has not seen, as the client shows it; None
        # for a client without a bell. The hub counts on from there.
        self.unseen_count = unseen_count
        # Events up to here were counted by the database, and later ones by the hub.
        self.counted_up_to = NO_CURSOR

    @property
    def selectors(self) -> Iterable[str]:
        """The topics and wildcards under which the hub finds this connection."""
        selectors = self.subscriptions.followed_since.keys() | self.requested_topics
        if self.user:
            selectors.add(EVERYONE)
        return selectors

    @property
    def shares_pages(self) -> bool:
        """Whether all streams with the same selectors are sent the same frames."""
        return not self.user

    def change_follow(
        self,
        topic: str,
        level: str,
        since: int,
        *,
        at: Cursor,
        muted_for: Span | None = None,
    ) -> None:
        """Apply a change of a follow; an empty level means that it ended.

        A change that is older than one that was applied is ignored.
        """
        if self._is_newest(topic, at):
            self.subscriptions = self.subscriptions.changed(
                topic, level, since, muted_for
            )

    def change_preference(self, event_type: str, *, live: bool, at: Cursor) -> None:
        """Apply a change of whether an event type is sent live; see change_follow."""
        if self._is_newest(event_type, at):
            self.subscriptions = self.subscriptions.with_type(event_type, live=live)

    def _is_newest(self, name: str, at: Cursor) -> bool:
        """Note a change of a topic or type, unless a newer one was applied."""
        if self._changed is None:
            self._changed = {}
        if at < self._changed.get(name, at):
            return False
        self._changed[name] = at
        return True

    def wants(self, frame: Frame) -> bool:
        """Tell whether a frame that is routed to this stream is for its subscriber.

        `RoutingTable` applies the same rule to live frames, for all at once, if no
        follow has begun since they were appended; otherwise it asks `wants_replayed`.
        """
        if frame.actor and frame.actor == self.user:
            return False
        if self.mutes(frame):
            return False
        if self.suppresses_live(frame):
            return False
        return not (frame.already_told and self.was_already_told(frame))

    def wants_replayed(self, frame: Frame) -> bool:
        """Tell whether a frame that may be older than a follow is for the subscriber.

        A follow takes effect at its moment: what was appended before is not sent for
        it. A retraction is for the subscribers of its event.
        """
        moment = frame.sent_at
        # A loop, since thousands may reconnect at once for hundreds of frames each.
        for topic in frame.topics:
            if self._followed_by(topic, by=moment):
                return self.wants(frame) and not self._suppressed_live_then(frame)
        return False

    def _suppressed_live_then(self, frame: Frame) -> bool:
        """Tell whether a frame was suppressed before its topics were watched."""
        subscriptions = self.subscriptions
        if frame.type not in subscriptions.not_live or self._requests(frame):
            return False
        moment = frame.sent_at
        watched = subscriptions.watched.intersection(frame.topics)
        return all(subscriptions.followed_since[topic] > moment for topic in watched)

    def suppresses_live(self, frame: Frame) -> bool:
        """Tell whether the subscriber's preferences keep a frame from this stream.

        They do not apply to requested topics, nor to watched ones.
        """
        subscriptions = self.subscriptions
        if frame.type not in subscriptions.not_live or self._requests(frame):
            return False
        return subscriptions.watched.isdisjoint(frame.topics)

    def _requests(self, frame: Frame) -> bool:
        requested = self.requested_topics
        return bool(requested) and any(
            topic in requested or wildcard(topic) in requested for topic in frame.topics
        )

    def counts_as_unseen(self, frame: Frame) -> bool:
        """Tell whether the bell counts a frame that this stream is sent.

        It does not count what only the request names.
        """
        subscriptions = self.subscriptions
        if frame.type in subscriptions.not_live:
            return not subscriptions.watched.isdisjoint(frame.topics)
        followed = subscriptions.followed_since.keys()
        return not followed.isdisjoint(frame.topics) or EVERYONE in frame.topics

    def count(self, frames: Sequence[Frame]) -> Sequence[Frame]:
        """Add live frames to the unseen count; return those that it includes now.

        What the client has already is counted by its page.
        """
        if self.skip_until is not None:
            frames = [each for each in frames if not self._has(each)]
        return self._count(frames)

    def _has(self, frame: Frame) -> bool:
        """Tell whether the client has a live frame already."""
        return self.skip_until is not None and frame.cursor <= self.skip_until

    def _count(self, frames: Sequence[Frame]) -> Sequence[Frame]:
        if self.unseen_count is None:
            return ()
        if not self._counts_all():
            frames = [*filter(self.counts_as_unseen, frames)]
        if frames:
            self.unseen_count = min(self.unseen_count + len(frames), COUNT_LIMIT)
        return frames

    def uncount(self, frame: Frame) -> bool:
        """Take the event of a live retraction off the count, as `count` adds one.

        Tells whether the count has changed.
        """
        return not self._has(frame) and self._uncount(frame)

    def _uncount(self, frame: Frame) -> bool:
        """Take the event of a retraction off the unseen count; tell whether it changed.

        Whether the database had counted the event is not known, since it may have been
        seen. Then the count is unknown from now on. So it is at COUNT_LIMIT, which
        means at least as many.
        """
        if not (self.unseen_count and self.counts_as_unseen(frame)):
            return False
        retracts = frame.retracts or frame.cursor
        if retracts <= self.counted_up_to or self.unseen_count == COUNT_LIMIT:
            self.unseen_count = None
        else:
            self.unseen_count -= 1
        return True

    def count_replayed(self, frames: Sequence[Frame]) -> Sequence[Frame]:
        """Count frames of the log, which does not replay events that were retracted.

        So a retraction among them takes off what the database may have counted only.
        Returns those that the count includes now.
        """
        counted = self._count(
            [each for each in frames if each.retracts is None and not each.live_only]
        )
        for each in frames:
            if each.retracts is not None and each.retracts <= self.counted_up_to:
                self._uncount(each)
        return counted

    def _counts_all(self) -> bool:
        """Tell whether every frame that is sent counts, to save a check of each."""
        filters = self.requested_topics or self.subscriptions.not_live
        return not filters

    def mutes(self, frame: Frame) -> bool:
        """Tell whether the subscriber had muted a topic of a frame when it was sent."""
        subscriptions = self.subscriptions
        if not (subscriptions.muted or subscriptions.muted_for):
            return False
        topics = (*frame.topics, *frame.already_told)
        return subscriptions.mutes_any(topics, frame.sent_at)

    def was_already_told(self, frame: Frame) -> bool:
        """Tell whether an earlier event notified the subscriber about the same."""
        already_told = frame.already_told.items()
        return any(self._followed_by(topic, by=time) for topic, time in already_told)

    def _followed_by(self, topic: str, *, by: int) -> bool:
        requested = self.requested_topics
        if requested and (topic in requested or wildcard(topic) in requested):
            return True
        if topic == EVERYONE:
            return bool(self.user)
        since = self.subscriptions.followed_since.get(topic)
        return since is not None and since <= by

    def is_ended_by(self, entry: EndEntry) -> bool:
        """Tell whether an end of streams, of this person or a topic, includes this."""
        if entry.topic:
            return not {entry.topic, wildcard(entry.topic)}.isdisjoint(self.selectors)
        if entry.session:
            return entry.session == self.session
        return not entry.login or entry.login != self.login

    def missed(self, frames: Iterable[Frame]) -> Batch:
        """Return those of the replayed frames that are for the subscriber."""
        return Batch([frame for frame in frames if self.wants_replayed(frame)])
