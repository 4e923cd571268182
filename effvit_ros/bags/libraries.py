"""Says which libraries are missing and how to get them, before anything is done."""
from __future__ import annotations

from importlib.util import find_spec

from effvit_ros.core.errors import UserError

#: Libraries that read and write bags; reports are drawn with the others.
READING = ('rosbags', 'mcap', 'zstandard')
REPORTING = ('matplotlib', 'PIL', 'rich')


def need(*names):
    """
    Check that these libraries are installed.

    :raises UserError: one is not; the message lists all that are missing.
    """
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise UserError(f"not installed: {', '.join(missing)}: pip install 'effvit_ros[bags]'")


def need_ros():
    """
    Check that ROS 2 and what measures a node are there.

    :raises UserError: they are not.
    """
    if find_spec('rclpy') is None:
        raise UserError('ROS 2 is not here (no rclpy): source its setup file, or '
                        "pip install 'effvit_ros[ros]'")
    need('psutil')
