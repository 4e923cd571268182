"""The result topics: what is wanted, and how each result is put into a message."""
from __future__ import annotations

import copy
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Float32MultiArray, Header, MultiArrayDimension, String

from effvit_ros.core import topics
from effvit_ros.core.bundle import Bundle
from effvit_ros.ros.common.callback_groups import Seldom
from effvit_ros.ros.common.codec import image_message, jpeg_message, png_message
from effvit_ros.ros.segmenter.alert_topic import AlertTopic
from effvit_ros.ros.segmenter.region_topic import Detection2DArray, regions_message

try:
    from vision_msgs.msg import LabelInfo, VisionClass
except ImportError:
    LabelInfo = None


class Wanted(NamedTuple):
    """Which results somebody subscribes to."""

    labels: bool
    png: bool
    confidence: bool
    overlay: bool
    jpeg: bool
    areas: bool
    regions: bool
    alerts: bool


class Outputs:
    """The publishers; made in one thread, used in the inference thread."""

    def __init__(self, node: Node) -> None:
        """Create the publishers on ``node``; their QoS can be overridden by parameters."""
        newest = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
        latched = QoSProfile(
            depth=1, reliability=ReliabilityPolicy.RELIABLE,
            durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._node = node
        self._publishers: List[Publisher] = []

        seldom = Seldom()

        def publisher(message_type: type, name: str, qos: QoSProfile = newest) -> Publisher:
            made: Publisher = node.create_publisher(
                message_type, '~/' + name, qos, callback_group=seldom,
                qos_overriding_options=QoSOverridingOptions.with_default_policies())
            self._publishers.append(made)
            return made

        self._labels = publisher(Image, topics.LABELS)
        self._png = publisher(CompressedImage, topics.LABELS_PNG)
        self._confidence = publisher(Image, topics.CONFIDENCE)
        self._overlay = publisher(Image, topics.OVERLAY)
        self._jpeg = publisher(CompressedImage, topics.OVERLAY_JPEG)
        self._areas = publisher(Float32MultiArray, topics.CLASS_AREAS)
        self._regions: Optional[Publisher] = None
        if Detection2DArray is not None:
            self._regions = publisher(Detection2DArray, topics.REGIONS)
        self.alerts = AlertTopic(node, publisher(DiagnosticArray, topics.ALERTS, latched))
        self._camera_info = publisher(CameraInfo, topics.CAMERA_INFO)
        self._legend = publisher(String, topics.LABEL_INFO, latched)
        self._label_info = None
        #: What the ids mean.
        self._meaning: Tuple[Tuple[Publisher, Any], ...] = ()
        if LabelInfo is not None:
            self._label_info = publisher(LabelInfo, topics.LABEL_INFO_TYPED, latched)

    def wanted(self) -> Wanted:
        """Return which results have a subscriber now."""
        publishers = (self._labels, self._png, self._confidence, self._overlay, self._jpeg,
                      self._areas, self._regions)
        return Wanted._make([*(publisher is not None and publisher.get_subscription_count() > 0
                               for publisher in publishers), self.alerts.wanted()])

    def close(self) -> None:
        """Destroy the publishers."""
        self.alerts.close()
        for publisher in self._publishers:
            self._node.destroy_publisher(publisher)

    def publish_label_info(self, bundle: Bundle, stamp: Time) -> None:
        """Publish, latched, what the ids in the label image mean."""
        meaning = [(self._legend, String(data=bundle.legend))]
        if self._label_info is not None:
            message = LabelInfo(class_map=[
                VisionClass(class_id=c.id, class_name=c.name) for c in bundle.classes])
            message.header.stamp = stamp
            meaning.append((self._label_info, message))
        self._meaning = tuple(meaning)
        for publisher, message in self._meaning:
            publisher.publish(message)

    def repeat(self) -> None:
        """
        Publish again what explains the results: what the ids mean, which alerts are raised.

        A recorder hears a latched topic once; of a recording whose oldest files were deleted to
        make room, what is left must still explain itself.
        """
        for publisher, message in self._meaning:
            if publisher.get_subscription_count():
                publisher.publish(message)
        if self.alerts.wanted():
            self.alerts.repeat()

    def publish_labels(self, labels: np.ndarray, header: Header) -> None:
        """Publish class ids, (H, W) uint8, as mono8."""
        self._labels.publish(image_message(labels, 'mono8', header))

    def publish_png(self, labels: np.ndarray, header: Header) -> None:
        """Publish class ids, (H, W) uint8, as a PNG: small, and the same ids."""
        self._png.publish(png_message(labels, header))

    def publish_confidence(self, confidence: np.ndarray, header: Header) -> None:
        """Publish the probability of each pixel's class, (H, W) uint8, 255 is 1, as mono8."""
        self._confidence.publish(image_message(confidence, 'mono8', header))

    def publish_camera_info(self, camera_info: CameraInfo, header: Header) -> None:
        """Publish the camera's info under the labels' header, where somebody wants it."""
        if self._camera_info.get_subscription_count():
            message = copy.copy(camera_info)
            message.header = header
            self._camera_info.publish(message)

    def publish_overlay(self, bgr: np.ndarray, header: Header) -> None:
        """Publish the overlay, (H, W, 3) uint8, as bgr8."""
        self._overlay.publish(image_message(bgr, 'bgr8', header))

    def publish_jpeg(self, bgr: np.ndarray, quality: int, header: Header) -> None:
        """Publish the overlay as a JPEG."""
        self._jpeg.publish(jpeg_message(bgr, quality, header))

    def publish_areas(self, areas: np.ndarray, names: Sequence[str], header: Header) -> None:
        """Publish the share of each class; the layout names the frame's stamp and the classes."""
        self._areas.publish(areas_message(areas, names, header))

    def publish_regions(self, labels: np.ndarray, confidence: Optional[np.ndarray],
                        names: Sequence[str], least_pixels: int, header: Header) -> None:
        """Publish the connected regions; ``confidence``: (H, W) uint8 or None."""
        if self._regions is not None:
            self._regions.publish(regions_message(labels, confidence, names, least_pixels, header))


def class_areas(labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Return the share of each class in ``labels``, (n_classes,) float32; unlabelled is none."""
    # A third of np.bincount's time, which copies the labels into 64-bit integers.
    counts = cv2.calcHist([labels], [0], None, [n_classes], [0, n_classes])
    return counts.ravel() / np.float32(labels.size)


def areas_message(areas: np.ndarray, names: Sequence[str], header: Header) -> Float32MultiArray:
    """
    Return a Float32MultiArray of shape (1 frame, classes).

    Dimension 0 is labelled ``stamp=SECONDS.NANOSECONDS`` of the picture, dimension 1 with the
    class names, separated by commas.
    """
    message = Float32MultiArray()
    count = len(names)
    stamp = f'stamp={header.stamp.sec}.{header.stamp.nanosec:09d}'
    message.layout.dim = [
        MultiArrayDimension(label=stamp, size=1, stride=count),
        MultiArrayDimension(label=','.join(names), size=count, stride=count)]
    message.data.frombytes(areas.view(np.uint8))
    return message
