"""Publishes a bag's messages at the pace of their recording, with /clock."""
from __future__ import annotations

import threading
import time
from functools import lru_cache
from typing import Callable, Dict, Optional

from rclpy.duration import Duration
from rclpy.exceptions import InvalidTopicNameException
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosbags.typesys import get_typestore, Stores
from rosgraph_msgs.msg import Clock

from effvit_ros.bags.bag import Bag
from effvit_ros.bags.storage import RawMessage, Topic
from effvit_ros.core.errors import UserError
from effvit_ros.core.message_stamps import shifted, stamp_ns
from effvit_ros.evaluation.installed_types import AsInstalled, message_class
from effvit_ros.evaluation.play_plan import Plan

#: Seconds between two looks for a subscriber.
_LOOK_S = 0.05
#: Seconds that the last messages may take to arrive.
_FAREWELL_S = 2.0
#: After which a bag starts over whose messages are all of one moment.
_MOMENT_NS = 10**9
_HEADER = 'std_msgs/msg/Header'


@lru_cache(maxsize=None)
def begins_with_header(message_type: str) -> bool:
    """Return whether messages of this standard type begin with a std_msgs Header."""
    definition = get_typestore(Stores.ROS2_HUMBLE).fielddefs.get(message_type)
    if definition is None or not definition[1]:
        return False
    _, (_, field_type) = definition[1][0]
    return field_type == _HEADER


class BagPlayer(Node):
    """
    Plays a bag in a thread of its own; ``finished`` becomes true at the end.

    Time goes on when the bag starts over: stamps and /clock of a later round are shifted, so
    that nobody sees a jump back. Messages go out as they lie in the bag, never deserialized, but
    for types that another release defines otherwise.
    """

    def __init__(self, bag: Bag, plan: Plan,
                 on_sent: Optional[Callable[[str, int, int], None]] = None) -> None:
        """
        Create the publishers and start the thread.

        :param bag: an open :class:`~effvit_ros.bags.bag.Bag`; closed by ``destroy_node``.
        :param plan: a :class:`~effvit_ros.evaluation.play_plan.Plan`.
        :param on_sent: called with (topic, stamp in ns, monotonic time in ns of the sending) for
            each message whose type begins with a Header.
        :raises UserError: not one topic can be published.
        """
        super().__init__('play_bag')
        self.finished = False
        self.failure: Optional[Exception] = None
        self.sent = 0
        #: Seconds from the first message to the last one, where it was played to its end.
        self.length_s: Optional[float] = None
        self._bag = bag
        self._plan = plan
        self._on_sent = on_sent
        self._as_installed = AsInstalled()
        self._stop = threading.Event()
        self._thread: Optional[threading.Thread] = None
        self._senders = self._make_publishers()
        self._clock_topic = self.create_publisher(Clock, '/clock', 10)
        self._thread = threading.Thread(target=self._run, name='player', daemon=True)
        self._thread.start()

    def destroy_node(self) -> None:
        """End the thread and release the bag."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._bag.close()
        super().destroy_node()

    def _make_publishers(self) -> Dict[str, Publisher]:
        publishers: Dict[str, Publisher] = {}
        left_out = ''
        for topic in self._bag.topics.values():
            if topic.name == '/clock' or (self._plan.topics and
                                          topic.name not in self._plan.topics):
                continue
            message_type = message_class(topic.type)
            if message_type is None:
                left_out = f'{topic.name} is left out: {topic.type} is not installed'
                self.get_logger().warning(left_out)
                continue
            name = self._plan.names.get(topic.name, topic.name)
            try:
                publishers[topic.name] = self.create_publisher(
                    message_type, name, qos_of(topic))
            except InvalidTopicNameException:
                left_out = (f'{topic.name} is left out: ROS 2 forbids the name: give it another '
                            f'with --rename {topic.name}:=/NAME')
                self.get_logger().warning(left_out)
        if not publishers:
            raise UserError(f'{self._bag.path}: no topic that can be published'
                            + (left_out and f': {left_out}'))
        if self._plan.wait_for and self._plan.wait_for not in publishers:
            raise UserError(f'--wait-for {self._plan.wait_for}: the topic is not published')
        return publishers

    def _run(self) -> None:
        try:
            if self._wait_for_subscriber():
                self._play()
                self._say_farewell()
        except Exception as error:
            self.failure = error
        self.finished = True

    def _wait_for_subscriber(self) -> bool:
        """Return whether to go on."""
        topic = self._plan.wait_for
        while topic and not self._stop.is_set():
            if self._senders[topic].get_subscription_count():
                break
            self._stop.wait(_LOOK_S)
        return not self._stop.is_set()

    def _play(self) -> None:
        started = time.monotonic()
        shift = 0
        while True:
            first = last = newest = None
            for message in self._bag.messages(list(self._senders)):
                if first is None:
                    first = message.log_ns
                newest = message.log_ns
                offset = max(0.0, (message.log_ns - first) * 1e-9)
                if offset < self._plan.start:
                    continue
                if self._plan.end is not None and offset > self._plan.end:
                    break
                elapsed = offset - self._plan.start + shift * 1e-9
                if self._over(elapsed) or not self._wait(
                        started + elapsed / self._plan.rate, message.log_ns + shift):
                    return
                self._send(message, shift)
                last = message.log_ns
            if first is None or newest is None:
                return
            self.length_s = (newest - first) * 1e-9
            if last is None or not self._plan.loop:
                return
            # As long after the last message as that is after the one before, on average.
            span = last - first - round(self._plan.start * 1e9)
            shift += span + (span // max(1, self._messages_of_busiest() - 1) or _MOMENT_NS)

    def _say_farewell(self) -> None:
        """Wait until the last messages have arrived: they would vanish with the publishers."""
        for publisher in self._senders.values():
            publisher.wait_for_all_acked(Duration(seconds=_FAREWELL_S))

    def _over(self, elapsed: float) -> bool:
        limit = self._plan.duration
        return limit is not None and elapsed / self._plan.rate > limit

    def _messages_of_busiest(self) -> int:
        return max(self._bag.count(name) for name in self._senders)

    def _wait(self, due: float, bag_ns: int) -> bool:
        """Tick /clock until the message is due; returns whether to go on."""
        period = 1 / self._plan.clock_hz
        while True:
            left = due - time.monotonic()
            self._tick(bag_ns - round(max(0.0, left) * self._plan.rate * 1e9))
            if left <= 0:
                return not self._stop.is_set()
            if self._stop.wait(min(left, period)):
                return False

    def _tick(self, bag_ns: int) -> None:
        message = Clock()
        message.clock.sec, message.clock.nanosec = divmod(bag_ns, 10**9)
        self._clock_topic.publish(message)

    def _send(self, message: RawMessage, shift: int) -> None:
        message_type = self._bag.topics[message.topic].type
        data = self._as_installed(message, message_type)
        stamped = begins_with_header(message_type)
        if shift and stamped:
            data = shifted(data, shift)
        # Before publishing: what the transport takes counts into the age of a result.
        moment = time.monotonic_ns()
        self._senders[message.topic].publish(bytes(data))
        self.sent += 1
        if stamped and self._on_sent is not None:
            self._on_sent(message.topic, stamp_ns(data), moment)


def qos_of(topic: Topic) -> QoSProfile:
    """
    Return a profile like that of the recorded publishers; reliable where none is known.

    Best effort only where all were best effort, latched where one was.
    """
    offered = topic.qos
    best_effort = bool(offered) and all(q.reliability.name == 'BEST_EFFORT' for q in offered)
    latched = any(q.durability.name == 'TRANSIENT_LOCAL' for q in offered)
    return QoSProfile(
        depth=max([1 if latched else 10] + [min(q.depth, 100) for q in offered]),
        reliability=(ReliabilityPolicy.BEST_EFFORT if best_effort
                     else ReliabilityPolicy.RELIABLE),
        durability=(DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE))
