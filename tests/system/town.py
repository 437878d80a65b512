"""People who follow, mute, disconnect and reconnect at random."""

import random

from tests.system.crowd import Crowd, Stream, wait_until_live
from tests.system.members import Member, Members

LEVELS = ["follow", "watch", "mute", "none"]


class Town:
    """People with one stream each.

    `ever` maps each person to all topics that they may follow; `fixed` is the topic
    among them that they never unfollow.
    """

    def __init__(
        self,
        crowd: Crowd,
        members: Members,
        ever: dict[Member, set[str]],
        *,
        fixed: str,
        chance: random.Random,
    ) -> None:
        self._crowd = crowd
        self._members = members
        self._choices = {
            member: sorted(topics - {fixed}) for member, topics in ever.items()
        }
        self._chance = chance
        self._acts = 0
        # The stream that each person has now.
        self.streams = {member: self._open(member) for member in ever}
        # All streams, closed ones too, with their person.
        self.history = list(self.streams.items())
        wait_until_live(self.streams.values())

    def act(self) -> int:
        """Let a random person do something; return how many events all received."""
        member, other = self._chance.sample(list(self.streams), 2)
        action = [self._change, self._break_off, self._borrow][self._acts % 3]
        self._acts += 1
        action(member, other)
        return sum(len(stream.events) for _, stream in self.history)

    def _open(self, member: Member, last_event_id: str = "") -> Stream:
        return self._crowd.open(session=member.session, last_event_id=last_event_id)

    def _change(self, member: Member, _: Member) -> None:
        """Follow, mute or unfollow a topic."""
        topic = self._chance.choice(self._choices[member])
        self._members.follow(member, topic, level=self._chance.choice(LEVELS))

    def _break_off(self, member: Member, _: Member) -> None:
        """Lose the connection."""
        self._crowd.break_off(self.streams[member])

    def _borrow(self, member: Member, other: Member) -> None:
        """Reconnect with another person's cursor."""
        self._crowd.close(self.streams[member])
        cursor = self.streams[other].last_event_id
        self.streams[member] = self._open(member, cursor)
        self.history.append((member, self.streams[member]))
