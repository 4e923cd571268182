"""The camera: publishes what a source of frames gives, at a steady rate."""
from __future__ import annotations

import time
from typing import Optional

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from effvit_ros.ros.camera.info import Calibration
from effvit_ros.ros.camera.parameters import CAMERA_PARAMETERS
from effvit_ros.ros.camera.sources import FrameSource, open_source, SourceFrame
from effvit_ros.ros.common.codec import image_message, jpeg_message
from effvit_ros.ros.common.parameters import Parameters

#: Frames a second where neither the user nor the source says.
DEFAULT_RATE_HZ = 30.0
#: Seconds that the last messages of a source that ended may take to arrive.
_FAREWELL_S = 1.0


class CameraNode(Node):
    """
    Publishes ``image``, ``image/compressed``, ``camera_info`` and, where known, ``truth``.

    All four carry the same header; a picture that nobody subscribes to is not made into a
    message, while ``camera_info`` always tells of it. ``finished`` becomes true when the source
    has ended.
    """

    def __init__(self) -> None:
        """
        Open the source and start.

        :raises UserError: a parameter, the source or the calibration is wrong.
        """
        super().__init__('camera')
        self.finished = False
        self.published = 0
        self._source: Optional[FrameSource] = None
        try:
            self._start(Parameters(self, CAMERA_PARAMETERS, state=lambda: 'running'))
        except Exception:
            self.destroy_node()
            raise

    def destroy_node(self) -> None:
        """Close the source and the node."""
        if self._source is not None:
            self._source.close()
            self._source = None
        super().destroy_node()

    def _start(self, parameters: Parameters) -> None:
        self._source = source = open_source(
            parameters['source'], parameters['path'], parameters['labels_path'],
            parameters['width'], parameters['height'], parameters['seed'],
            parameters['rate_hz'], parameters['loop'], parameters['prerecord'],
            say=self.get_logger().warning)
        self._calibration = Calibration(parameters['camera_info_path'], source.focal_px)
        self._frame_id = parameters['frame_id']
        self._jpeg_quality = parameters['jpeg_quality']
        # Whoever reads pictures slowly loses old ones; the small camera_info waits for them.
        pictures = QoSProfile(
            depth=2, reliability=ReliabilityPolicy[parameters['reliability'].upper()])
        self._image = self.create_publisher(Image, 'image', pictures)
        self._compressed = self.create_publisher(CompressedImage, 'image/compressed', pictures)
        self._info = self.create_publisher(CameraInfo, 'camera_info', 30)
        self._truth = self.create_publisher(Image, 'truth', 10) if source.has_truth else None
        rate_hz = parameters['rate_hz'] or source.rate_hz or DEFAULT_RATE_HZ
        # Files and the flight are read one frame ahead, so that reading delays no picture.
        self._ahead = None if source.live else source.read()
        self.get_logger().info(f'{source.description}, at {rate_hz:g} Hz')
        self.create_timer(1.0 / rate_hz, self._tick)

    def _tick(self) -> None:
        source = self._source
        if self.finished or source is None:
            return
        frame = source.read() if source.live else self._ahead
        if frame is None:
            self._finish(source)
            return
        self._publish(frame)
        if not source.live:
            self._ahead = source.read()

    def _publish(self, frame: SourceFrame) -> None:
        stamp = self.get_clock().now()
        if frame.captured_s is not None:
            stamp -= Duration(seconds=time.monotonic() - frame.captured_s)
        header = Header(stamp=stamp.to_msg(), frame_id=self._frame_id)
        if self._image.get_subscription_count():
            self._image.publish(image_message(frame.image, 'bgr8', header))
        if self._compressed.get_subscription_count():
            self._compressed.publish(jpeg_message(frame.image, self._jpeg_quality, header))
        if self._truth and frame.labels is not None and self._truth.get_subscription_count():
            self._truth.publish(image_message(frame.labels, 'mono8', header))
        height, width = frame.image.shape[:2]
        info = self._calibration.info(width, height)
        info.header = header
        self._info.publish(info)
        self.published += 1

    def _finish(self, source: FrameSource) -> None:
        self.get_logger().info(
            f'end of {source.description}: {self.published} frames published')
        for publisher in (self._image, self._compressed, self._truth, self._info):
            if publisher is not None:
                publisher.wait_for_all_acked(Duration(seconds=_FAREWELL_S))
        self.finished = True
