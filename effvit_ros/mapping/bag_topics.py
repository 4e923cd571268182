"""Which topics of a bag tell where the camera was, and their messages read into a trajectory."""
from __future__ import annotations

from collections import Counter
from typing import Any, Callable, Dict, List, NamedTuple, Sequence, Tuple

from effvit_ros.bags.bag import Bag
from effvit_ros.bags.pictures import read_message, stamp_of
from effvit_ros.core.errors import UserError
from effvit_ros.core.pixels import PictureError
from effvit_ros.mapping.camera_model import camera_model, CameraModel
from effvit_ros.mapping.mount import MOVING
from effvit_ros.mapping.pose_settings import PoseSettings
from effvit_ros.mapping.track import PoseProblem
from effvit_ros.mapping.trajectory import Trajectory

FIX = ('sensor_msgs/msg/NavSatFix',)
IMU = ('sensor_msgs/msg/Imu',)
RANGE = ('sensor_msgs/msg/Range',)
POSE = ('geometry_msgs/msg/PoseStamped', 'geometry_msgs/msg/PoseWithCovarianceStamped',
        'nav_msgs/msg/Odometry')
QUATERNION = ('geometry_msgs/msg/QuaternionStamped',)
TF = 'tf2_msgs/msg/TFMessage'
INFO = ('sensor_msgs/msg/CameraInfo',)


class PoseTopics(NamedTuple):
    """Names of topics, '' where there is none."""

    fix: str
    imu: str
    pose: str
    range: str
    gimbal: str


def choose_pose_topics(bag: Bag, given: PoseTopics, settings: PoseSettings) -> PoseTopics:
    """
    Return the :class:`PoseTopics` of a bag.

    :param given: :class:`PoseTopics` with the names that the user gave, '' elsewhere.
    :param settings: :class:`~effvit_ros.mapping.pose_settings.PoseSettings`.
    :raises UserError: a named topic is missing or of another type, or several could be meant.
    """
    fix = _one(bag, FIX, given.fix, '--fix-topic')
    pose = _one(bag, POSE, given.pose, '--pose-topic')
    # Whoever names a pose wants its attitude.
    imu = '' if given.pose and not given.imu else _one(bag, IMU, given.imu, '--imu-topic')
    if settings.frames and not any(t.type == TF and t.count for t in bag.topics.values()):
        raise UserError(f'{bag.path}: no topic of tf (--tf): record /tf and /tf_static')
    if not (imu or pose or settings.frames):
        raise UserError(f'{bag.path}: nothing tells the camera\'s attitude: record '
                        'sensor_msgs/Imu, geometry_msgs/PoseStamped or nav_msgs/Odometry')
    gimbal = ''
    if settings.mount.kind in MOVING:
        gimbal = _one(bag, QUATERNION, given.gimbal, '--gimbal-topic')
        if not gimbal:
            raise UserError(f'{bag.path}: nothing tells where the gimbal looks (--mount '
                            f'{settings.mount.kind}): record geometry_msgs/QuaternionStamped')
    elif given.gimbal:
        raise UserError(f'--gimbal-topic {given.gimbal}: is its attitude against the body or '
                        'against the world? Give --mount gimbal_body or gimbal_world')
    return PoseTopics(fix, imu, pose, _one(bag, RANGE, given.range, '--range-topic'), gimbal)


def info_topic(bag: Bag, picture_topic: str, given: str) -> str:
    """
    Return the camera_info topic that belongs to a topic of pictures.

    :raises UserError: there is none, or several and none next to the pictures.
    """
    if not given:
        base = picture_topic
        for ending in ('/compressed', '/image_rect_color', '/image_rect', '/image_raw', '/image',
                       '/image_color', '/labels'):
            base = base[:-len(ending)] if base.endswith(ending) else base
        adjacent = base + '/camera_info'
        if adjacent in bag.topics and bag.topics[adjacent].count:
            return adjacent
    found = _one(bag, INFO, given, '--camera-info-topic')
    if not found:
        raise UserError(f'{bag.path}: no camera_info tells where the pixels of {picture_topic} '
                        'look: record it, or add one (ros2 bag convert)')
    return found


def read_cameras(bag: Bag, topic: str, rectified: bool) -> List[Tuple[int, CameraModel]]:
    """
    Return [(stamp_ns, :class:`~effvit_ros.mapping.camera_model.CameraModel`)] at each change.

    :raises UserError: it is uncalibrated, or of an unknown model.
    """
    cameras, last = [], None
    for message in bag.messages([topic]):
        if message.data[12:] == last:
            continue
        try:
            info = read_message(message, bag.topics[topic].type)
        except PictureError:
            continue
        # What follows the header's stamp: a change of it alone is none.
        last = message.data[12:]
        try:
            cameras.append((stamp_of(info, message.log_ns), camera_model(info, rectified)))
        except UserError as error:
            raise UserError(f'{bag.path}: {topic}: {error}') from None
    if not cameras:
        raise UserError(f'{bag.path}: {topic} has no message that can be read')
    return cameras


def read_poses(bag: Bag, topics: PoseTopics, trajectory: Trajectory) -> Dict[str, int]:
    """
    Read the poses of a bag into a :class:`~effvit_ros.mapping.trajectory.Trajectory`.

    :returns: {text: how often} of the messages that are no poses.
    :raises UserError: a frame's name speaks against the convention.
    """
    add: Dict[str, Callable[[int, Any], None]] = {
        topics.fix: trajectory.add_fix, topics.imu: trajectory.add_imu,
        topics.pose: trajectory.add_pose, topics.range: trajectory.add_range,
        topics.gimbal: trajectory.add_gimbal}
    add.pop('', None)
    if trajectory.settings.frames:
        for topic in bag.topics.values():
            if topic.type == TF:
                add[topic.name] = _frames_taker(trajectory, topic.name.endswith('static'))
    bad: Counter[str] = Counter()
    for message in bag.messages(list(add)):
        try:
            content = read_message(message, bag.topics[message.topic].type)
            stamp = stamp_of(content, message.log_ns) if hasattr(content, 'header') else 0
            add[message.topic](stamp, content)
        except (PoseProblem, PictureError) as problem:
            bad[f'{message.topic}: {problem}'] += 1
        except UserError as error:
            raise UserError(f'{bag.path}: {message.topic}: {error} (--convention)') from None
    return dict(bad)


def _frames_taker(trajectory: Trajectory, static: bool) -> Callable[[int, Any], None]:
    return lambda _, message: trajectory.frames.add(message, static)


def _one(bag: Bag, types: Sequence[str], given: str, option: str) -> str:
    """Return the only topic of these types, '' where there is none."""
    if given:
        if given not in bag.topics:
            raise UserError(f'{bag.path}: no topic {given} ({option}); the bag holds '
                            f'{", ".join(bag.topics)}')
        if bag.topics[given].type not in types:
            raise UserError(f'{bag.path}: {given} ({option}) holds {bag.topics[given].type}, '
                            f'not {" or ".join(types)}')
        return given
    found = sorted(t.name for t in bag.topics.values() if t.type in types and t.count)
    if len(found) > 1:
        raise UserError(f'{bag.path}: {len(found)} topics could be meant: name one with '
                        f'{option}: {", ".join(found)}')
    return found[0] if found else ''
