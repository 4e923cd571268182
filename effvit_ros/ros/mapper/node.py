"""The mapper as a lifecycle node: newest labels first, poses as they come, a growing map."""
from __future__ import annotations

import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, List, Optional, Tuple, Union

from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped, QuaternionStamped
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, State, TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, qos_profile_sensor_data, QoSProfile, ReliabilityPolicy
from rclpy.service import Service
from rclpy.subscription import Subscription
from rclpy.timer import Timer
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, Imu, NavSatFix, Range
from std_msgs.msg import String

from effvit_ros.core import topics
from effvit_ros.core.classes import ClassSet, lpcv_classes
from effvit_ros.core.errors import UserError
from effvit_ros.core.label_files import LabelError
from effvit_ros.core.topics import of_segmenter
from effvit_ros.mapping.camera_model import camera_model, CameraModel
from effvit_ros.mapping.mount import Mount, MOVING
from effvit_ros.mapping.pose_settings import CameraPose, PoseSettings
from effvit_ros.mapping.projection import Grid
from effvit_ros.mapping.track import PoseProblem
from effvit_ros.mapping.trajectory import Trajectory
from effvit_ros.ros.common.parameters import Parameters
from effvit_ros.ros.mapper.health import LOG_PERIOD_S, MapperHealth
from effvit_ros.ros.mapper.label_message import confidence_of, labels_of
from effvit_ros.ros.mapper.legend import legend_classes
from effvit_ros.ros.mapper.live_map import LiveMap, Shown
from effvit_ros.ros.mapper.outputs import MapOutputs
from effvit_ros.ros.mapper.parameters import COMPRESSED, MAPPER_PARAMETERS
from effvit_ros.ros.mapper.waiting import Ready, WaitingLabels

try:
    from std_srvs.srv import Trigger
except ImportError:
    Trigger = None
try:
    from tf2_msgs.msg import TFMessage
except ImportError:
    TFMessage = None

#: Seconds of poses that are kept.
KEEP_S = 30.0
LOOK_PERIOD_S, DIAGNOSTICS_PERIOD_S = 0.05, 1.0
#: How many times as long as messages of the map took, pictures alone are mapped.
MAPPING_SHARE = 3
#: Parameters of the mount, in the order of its fields.
MOUNT = ('mount', 'tilt', 'pan', 'roll', 'forward', 'left', 'up')
Wanted = Tuple[type, str, Callable[[Any], None], QoSProfile]
Frame = Tuple[Ready, CameraModel]
SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


class MapperNode(LifecycleNode):
    """
    Lays the segmenter's labels on the ground.

    The executor's thread takes messages in and finds the pose; the worker's owns the map; a third
    makes the messages of what the map shows.
    """

    def __init__(self) -> None:
        """Declare the parameters and, with ``autostart``, arrange to become active."""
        super().__init__('mapper')
        self._state = 'unconfigured'
        self._settings = Parameters(self, MAPPER_PARAMETERS, lambda: self._state)
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._health = MapperHealth(self)
        self._map: Optional[LiveMap] = None
        self._trajectory: Optional[Trajectory] = None
        self._worker: Optional[threading.Thread] = None
        self._camera: Optional[CameraModel] = None
        self._inputs: List[Subscription] = []
        self._outputs: Optional[MapOutputs] = None
        self._mapping_timers: List[Timer] = []
        self._saver: Optional[Service] = None
        self._map_lock = threading.Lock()
        self._reset()
        self.create_timer(DIAGNOSTICS_PERIOD_S,
                          lambda: self._health.publish(self._state, self._map),
                          clock=self._steady)
        self._starter: Optional[Timer] = None
        if self._settings['autostart']:
            self._starter = self.create_timer(0.0, self._autostart, clock=self._steady)

    def destroy_node(self) -> None:
        """Stop and remove the tiles."""
        self._release()
        super().destroy_node()

    def on_configure(self, state: State) -> TransitionCallbackReturn:
        """Create the outputs and an empty map."""
        try:
            self._configure()
        except UserError as error:
            self.get_logger().error(str(error))
            self._release()
            return FAILURE
        self._state = 'inactive'
        return SUCCESS

    def on_activate(self, state: State) -> TransitionCallbackReturn:
        """Subscribe."""
        for kind, topic, callback, qos in self._wanted_topics():
            self._inputs.append(self.create_subscription(kind, topic, callback, qos))
        self._mapping_timers = [
            self.create_timer(LOOK_PERIOD_S, self._look, clock=self._steady),
            self.create_timer(self._settings['publish_period'], self._ask_to_publish,
                              clock=self._steady)]
        self._state = 'active'
        self._health.activated()
        self.get_logger().info(f'mapping {self._inputs[0].topic_name}')
        return SUCCESS

    def _wanted_topics(self) -> List[Wanted]:
        """Return (type, topic, callback, QoS) of each, the labels first."""
        s = self._settings
        newest = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        poses = qos_profile_sensor_data
        wanted: List[Wanted] = [(Image, of_segmenter(topics.LABELS), self._on_labels, newest)]
        if s['labels_transport'] == COMPRESSED:
            wanted = [(CompressedImage, of_segmenter(topics.LABELS_PNG), self._on_labels, newest)]
        if s['weigh_by_confidence']:
            wanted.append((Image, of_segmenter(topics.CONFIDENCE), self._on_confidence, newest))
        wanted += [
            (CameraInfo, of_segmenter(topics.CAMERA_INFO), self._on_info, newest),
            (String, of_segmenter(topics.LABEL_INFO), self._on_legend, latched),
            (NavSatFix, 'fix', self._pose_taker('add_fix'), poses),
            (Imu, 'imu', self._pose_taker('add_imu'), poses),
            (PoseStamped, 'pose', self._pose_taker('add_pose'), poses),
            (Range, 'range', self._pose_taker('add_range'), poses)]
        if s['mount'] in MOVING:
            wanted.append((QuaternionStamped, 'gimbal', self._pose_taker('add_gimbal'), poses))
        if s['map_frame']:
            every, kept = QoSProfile(depth=100), QoSProfile(
                depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
            wanted += [(TFMessage, '/tf', self._frames_taker(False), every),
                       (TFMessage, '/tf_static', self._frames_taker(True), kept)]
        return wanted

    def on_deactivate(self, state: State) -> TransitionCallbackReturn:
        """Unsubscribe; the map stays."""
        self._unsubscribe()
        self._state = 'inactive'
        return SUCCESS

    def on_cleanup(self, state: State) -> TransitionCallbackReturn:
        """Forget the map."""
        self._release()
        self._state = 'unconfigured'
        return SUCCESS

    def on_shutdown(self, state: State) -> TransitionCallbackReturn:
        """Release everything, from any state."""
        self._release()
        self._state = 'finalized'
        return SUCCESS

    def on_error(self, state: State) -> TransitionCallbackReturn:
        """Release everything and return to unconfigured."""
        self._release()
        self._state = 'unconfigured'
        return SUCCESS

    def _autostart(self) -> None:
        if self._starter is not None:
            self._starter.cancel()
        if self._state == 'unconfigured' and self.trigger_configure() == SUCCESS:
            self.trigger_activate()

    def _reset(self) -> None:
        self._health.reset()
        self._waiting = WaitingLabels()
        self._job: Optional[Tuple[Optional[Frame], bool]] = None
        self._wake, self._stopping = threading.Condition(), False
        self._publish_from = 0.0

    def _configure(self) -> None:
        s = self._settings
        origin = (s['origin_latitude'], s['origin_longitude'])
        self._trajectory = trajectory = Trajectory(PoseSettings(
            Mount(*(s[name] for name in MOUNT)), s['convention'], s['height'],
            s['height_value'], origin if any(origin) else (), s['longest_gap'], 100.0,
            s['time_offset'], self._frames()), KEEP_S)
        self._reset()
        self._new_map(lpcv_classes(), trajectory)
        self._outputs = MapOutputs(self)
        if Trigger is None:
            self.get_logger().warning('std_srvs is not installed: no service ~/save')
        else:
            self._saver = self.create_service(Trigger, '~/save', self._on_save)
        self._messages = ThreadPoolExecutor(1, 'messages')
        self._making = self._messages.submit(lambda: None)
        self._worker = threading.Thread(target=self._work, name='mapper', daemon=True)
        self._worker.start()

    def _frames(self) -> Tuple[str, ...]:
        """Return (the map's frame, the camera's), () where poses come as messages."""
        frames = self._settings['map_frame'], self._settings['camera_frame']
        if any(frames) and not all(frames):
            raise UserError(f"map_frame is '{frames[0]}' and camera_frame '{frames[1]}': give "
                            'both to take the pose from tf2, or none')
        if any(frames) and TFMessage is None:
            raise UserError(f"map_frame is '{frames[0]}', but tf2_msgs is not installed: "
                            'sudo apt install ros-$ROS_DISTRO-tf2-msgs, or leave it empty')
        return frames if any(frames) else ()

    def _new_map(self, classes: ClassSet, trajectory: Trajectory) -> None:
        if self._map is not None:
            self._map.close()
        grid = Grid(self._settings['cell'], self._settings['widest_angle'])
        self._map = LiveMap(classes, trajectory, grid, self._settings['folder'],
                            self._settings['memory_mb'])

    def _unsubscribe(self) -> None:
        for timer in self._mapping_timers:
            self.destroy_timer(timer)
        for subscription in self._inputs:
            self.destroy_subscription(subscription)
        self._mapping_timers, self._inputs = [], []
        self._waiting.clear()

    def _release(self) -> None:
        self._unsubscribe()
        if self._worker is not None:
            with self._wake:
                self._stopping = True
                self._wake.notify()
            self._worker.join(10.0)
            self._worker = None
            self._messages.shutdown()
        if self._outputs is not None:
            self._outputs.close()
            self._outputs = None
        if self._saver is not None:
            self.destroy_service(self._saver)
            self._saver = None
        if self._map is not None:
            self._map.close()
            self._map = None

    def _pose_taker(self, name: str) -> Callable[[Any], None]:
        def take(message: Any) -> None:
            try:
                getattr(self._trajectory, name)(_stamp(message), message)
            except (PoseProblem, UserError) as problem:
                self._health.left_out('bad_pose', str(problem))
        return take

    def _on_info(self, message: CameraInfo) -> None:
        try:
            self._camera = camera_model(message)
        except UserError as error:
            self._camera = None
            self._health.left_out('no_camera_info', str(error))

    def _on_legend(self, message: String) -> None:
        classes = legend_classes(message.data)
        if classes is None or self._map is None or self._trajectory is None:
            return
        if classes.names != self._map.classes.names:
            self.get_logger().info(f'{len(classes)} classes: a new map')
            with self._map_lock:
                self._new_map(classes, self._trajectory)

    def _frames_taker(self, static: bool) -> Callable[[TFMessage], None]:
        def take(message: TFMessage) -> None:
            try:
                if self._trajectory is not None:
                    self._trajectory.frames.add(message, static)
            except PoseProblem as problem:
                self._health.left_out(problem.kind, str(problem))
        return take

    def _on_labels(self, message: Union[Image, CompressedImage]) -> None:
        self._health.received()
        dropped, again = self._waiting.add(message, _stamp(message), time.monotonic())
        self._health.counts['dropped'] += dropped
        if again and self._trajectory is not None:
            self._trajectory.clear()

    def _on_confidence(self, message: Image) -> None:
        self._waiting.add_confidence(message, _stamp(message), time.monotonic())

    def _look(self) -> None:
        """Hand on the newest labels that have what they need; older ones are dropped."""
        ready, dropped, problems = self._waiting.take(
            self._pose, self._settings['pose_wait'], time.monotonic())
        self._health.counts['dropped'] += dropped
        for problem in problems:
            self._health.left_out(problem.kind, str(problem))
        if ready is not None and self._camera is not None:
            self._hand_on((ready, self._camera))

    def _pose(self, stamp: int) -> CameraPose:
        if self._camera is None or self._trajectory is None:
            raise PoseProblem('no_camera_info', 'no camera_info that can be used came with the '
                              'labels')
        return self._trajectory.at(stamp)

    def _hand_on(self, frame: Frame) -> None:
        with self._wake:
            if self._job is not None and self._job[0] is not None:
                self._health.counts['dropped'] += 1
            self._job = (frame, self._job[1] if self._job else False)
            self._wake.notify()

    def _ask_to_publish(self) -> None:
        if time.monotonic() < self._publish_from:
            return
        with self._wake:
            self._job = (self._job[0] if self._job else None, True)
            self._wake.notify()

    def _work(self) -> None:
        while True:
            with self._wake:
                while self._job is None and not self._stopping:
                    self._wake.wait()
                if self._job is None or self._stopping:
                    return
                (frame, publish), self._job = self._job, None
            try:
                with self._map_lock:
                    if frame is not None:
                        self._add(*frame)
                    if publish and self._map is not None and self._map.mapped:
                        self._publish_map(self._map)
            except Exception as error:  # one frame is survived
                self._report(error)

    def _publish_map(self, live_map: LiveMap) -> None:
        """Hand what the map shows to the thread that makes messages, which take longer than it."""
        outputs = self._outputs
        if outputs is None or not self._making.done() or not outputs.wanted():
            return
        shown = live_map.shown()
        if shown is not None:
            self._making = self._messages.submit(
                self._make_messages, outputs, shown, self._header.stamp)

    def _make_messages(self, outputs: MapOutputs, shown: Shown, stamp: Time) -> None:
        begin = time.monotonic()
        try:
            outputs.publish_map(shown, stamp)
        except Exception as error:  # one message is survived
            self._report(error)
        end = time.monotonic()
        # Mapping comes first: of one core's time a quarter at most goes into messages.
        self._publish_from = end + MAPPING_SHARE * (end - begin)

    def _report(self, error: Exception) -> None:
        self.get_logger().error(''.join(traceback.format_exception(
            type(error), error, error.__traceback__)), throttle_duration_sec=LOG_PERIOD_S)
        self._health.left_out('bad_frame', f'{type(error).__name__}: {error}')

    def _add(self, ready: Ready, camera: CameraModel) -> None:
        live_map, outputs = self._map, self._outputs
        if live_map is None or outputs is None:
            return
        try:
            labels = labels_of(ready.labels)
            confidence = confidence_of(ready.confidence, labels.shape)
            height, width = labels.shape
            changed = live_map.add(labels, confidence, camera.scaled(width, height), ready.pose,
                                   ready.stamp_ns)
        except LabelError as error:
            self._health.left_out('bad_frame', str(error))
            return
        except (PoseProblem, UserError) as problem:
            self._health.left_out(getattr(problem, 'kind', 'no_camera_info'), str(problem))
            return
        self._health.mapped(confidence is not None)
        self._header = ready.labels.header
        if changed:
            outputs.publish_alerts(live_map.alerts(), self._header)

    def _on_save(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            with self._map_lock:
                if self._map is None or not self._map.mapped:
                    raise UserError('nothing is mapped yet')
                topics = {s.topic_name: '' for s in self._inputs}
                response.message = str(self._map.save(self._settings['save_folder'], topics))
            response.success = True
        except UserError as error:
            response.success, response.message = False, str(error)
        return response


def _stamp(message: Any) -> int:
    """Return a header's stamp in nanoseconds."""
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
