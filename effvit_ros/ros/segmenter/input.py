"""The camera's topics: names, transport, quality of service."""
from __future__ import annotations

from typing import Any, Callable, List, Optional, Set, Tuple

from rclpy.node import Node
from rclpy.qos import qos_policy_name_from_kind, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from effvit_ros.ros.common.callback_groups import Asked
from effvit_ros.ros.segmenter.video_input import VIDEO_TRANSPORTS, VideoInput

try:
    from rclpy.event_handler import SubscriptionEventCallbacks
except ImportError:  # humble
    from rclpy.qos_event import SubscriptionEventCallbacks

IMAGE, COMPRESSED = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'
#: Packets that wait for the executor: none may be lost, each builds on those before.
_VIDEO_DEPTH = 30


def image_topics(node: Node, transport: str) -> Tuple[str, str]:
    """
    Return the full names of the image topic and of the camera_info next to it.

    As image_transport does: a remapping of ``image`` carries over to ``image/compressed`` and
    moves ``camera_info`` along; a remapping of one of those itself wins.
    """
    image = node.resolve_topic_name('image')
    if transport != 'raw':
        remapped = _remapped(node, f'image/{transport}')
        topic = remapped or f'{image}/{transport}'
        if remapped:
            image = remapped.rsplit(f'/{transport}', 1)[0]
    else:
        topic = image
    adjacent = image.rsplit('/', 1)[0] + '/camera_info'
    return topic, _remapped(node, 'camera_info') or adjacent


def _remapped(node: Node, name: str) -> Optional[str]:
    """Return what ``name`` was remapped to, or None where no rule matches it."""
    resolved = node.resolve_topic_name(name)
    return None if resolved == node.resolve_topic_name(name, only_expand=True) else resolved


class ImageInput:
    """
    Subscribes to the image and its camera_info, depth 1: only the newest frame is of use.

    With ``reliability`` ``auto`` the subscription takes the publisher's own, so that large
    frames are not lost where they need not be; :meth:`follow_publisher` keeps it so.
    """

    def __init__(self, node: Node, transport: str, reliability: str,
                 on_image: Callable[[Any], None], on_problem: Callable[[str], None]) -> None:
        """
        Subscribe.

        :param transport: ``raw``, ``compressed``, or a video's: ``ffmpeg`` or ``foxglove``.
        :param reliability: ``auto``, ``reliable`` or ``best_effort``.
        :param on_image: called with every Image or CompressedImage.
        :param on_problem: called with one line when a publisher does not fit.
        :raises UserError: what the transport needs is not installed.
        """
        self._node = node
        self._video: Optional[VideoInput] = None
        if transport in VIDEO_TRANSPORTS:
            self._video = VideoInput(transport, on_image)
            on_image = self._video.take
            self._type, self._type_name = self._video.type, self._video.type_name
        else:
            self._type = CompressedImage if transport == 'compressed' else Image
            self._type_name = COMPRESSED if transport == 'compressed' else IMAGE
        self._wanted = reliability
        self._on_image = on_image
        self._on_problem = on_problem
        self._subscription: Optional[Subscription] = None
        self.topic, info_topic = image_topics(node, transport)
        self.reliability = ReliabilityPolicy.BEST_EFFORT
        self._camera_info: Optional[CameraInfo] = None
        self._info_subscription = node.create_subscription(
            CameraInfo, info_topic, self._keep_info,
            QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT),
            callback_group=Asked())
        self.follow_publisher()

    def camera_info(self) -> Optional[CameraInfo]:
        """Return the newest CameraInfo, or None: asked for, or brought by the events executor."""
        subscription = self._info_subscription
        with subscription.handle:
            taken = subscription.handle.take_message(CameraInfo, False)
        if taken is not None:
            self._camera_info = taken[0]
        return self._camera_info

    def follow_publisher(self) -> None:
        """Look at the publishers, subscribe again where theirs asks for another reliability."""
        offered = self._offered()
        if self._wanted != 'auto':
            target = ReliabilityPolicy[self._wanted.upper()]
        elif offered and all(r == ReliabilityPolicy.RELIABLE for r in offered):
            target = ReliabilityPolicy.RELIABLE
        else:
            target = ReliabilityPolicy.BEST_EFFORT
        # A publisher that went away is no reason to change: the next one may be the same.
        if self._subscription is not None and (target == self.reliability or not offered):
            return
        self._subscribe(target)

    def misfit(self) -> str:
        """Return in one line what is published instead of the pictures, '' where nothing."""
        found = self._types(self.topic)
        if self._type_name in found:
            return ''
        raw, transports = self.topic, {COMPRESSED: 'compressed', IMAGE: 'raw'}
        if raw.endswith('/compressed'):
            raw = raw[:-len('/compressed')]
        for held in sorted(found):
            if held == COMPRESSED and not self.topic.endswith('/compressed'):
                cure = (f': set image_transport to compressed and remap image/compressed to '
                        f'{self.topic} (segment.launch.py: compressed_image:={self.topic})')
            elif held in transports:
                cure = f': set image_transport to {transports[held]} and image to {raw}'
            else:
                cure = ''
            return f'{self.topic} holds {held}, not {self._type_name}{cure}'
        adjacent = f'{raw}/compressed' if self._type_name == IMAGE else raw
        for held in sorted(self._types(adjacent) & transports.keys()):
            return (f'nobody publishes {self.topic}, but {adjacent} holds {held}: set '
                    f'image_transport to {transports[held]}')
        return ''

    def describe(self) -> str:
        """Return the number of publishers and the subscription's reliability in words."""
        count = len(self._offered())
        return f'{count} publisher{"" if count == 1 else "s"}, {self.reliability.name.lower()}'

    def _keep_info(self, message: CameraInfo) -> None:
        self._camera_info = message

    def close(self) -> None:
        """Unsubscribe."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
        self._node.destroy_subscription(self._info_subscription)

    def _subscribe(self, reliability: ReliabilityPolicy) -> None:
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._node.get_logger().info(
                f'{self.topic} is {reliability.name.lower()}: so is the subscription now')
        self.reliability = reliability
        self._subscription = self._node.create_subscription(
            self._type, self.topic, self._on_image,
            QoSProfile(depth=_VIDEO_DEPTH if self._video else 1, reliability=reliability),
            event_callbacks=SubscriptionEventCallbacks(incompatible_qos=self._on_incompatible))

    def _offered(self) -> List[ReliabilityPolicy]:
        infos = self._node.get_publishers_info_by_topic(self.topic)
        return [info.qos_profile.reliability for info in infos
                if info.topic_type == self._type_name]

    def _types(self, topic: str) -> Set[str]:
        return {info.topic_type for info in self._node.get_publishers_info_by_topic(topic)}

    def _on_incompatible(self, event: Any) -> None:
        if self._wanted == 'auto':
            return  # follow_publisher will see to it
        policy = qos_policy_name_from_kind(event.last_policy_kind)
        self._on_problem(
            f'a publisher on {self.topic} offers an incompatible {policy}: no frame will come '
            'from it; set image_reliability to auto or best_effort')
