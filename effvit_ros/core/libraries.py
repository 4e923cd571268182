"""Says which libraries are missing and how to get them: one line, whichever command lacks one."""
from __future__ import annotations

import sys
from importlib import metadata
from importlib.util import find_spec
from typing import Iterable

from effvit_ros.core.errors import UserError
from effvit_ros.core.missing import EXTRAS, NO_ROS, OLDEST

#: The oldest Python that rosbags runs on.
BAGS_PYTHON = (3, 10)


def need(*names: str) -> None:
    """
    Check that these libraries are installed.

    :raises UserError: one is not, or is too old; the message lists all that are missing.
    """
    missing = [name for name in names if find_spec(name) is None]
    if not missing:
        _check_age(names)
        return
    if 'rosbags' in missing and sys.version_info < BAGS_PYTHON:
        raise UserError(
            'bags need the library rosbags, which runs on Python %d.%d or newer, and this is '
            'Python %d.%d: evaluate recordings on a machine with a newer one'
            % (BAGS_PYTHON + tuple(sys.version_info[:2])))
    extras = list(dict.fromkeys(EXTRAS[name] for name in missing))
    if 'bags' in extras and 'demo' in extras:
        extras.remove('demo')  # it has what the demo needs
    raise UserError(f"not installed: {', '.join(missing)}: "
                    f"pip install 'effvit_ros[{','.join(extras)}]'")


def _check_age(names: Iterable[str]) -> None:
    for name in names:
        if name not in OLDEST:
            continue
        distribution, oldest = OLDEST[name]
        try:
            version = metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue  # built by hand: nothing tells its release
        if tuple(int(part) for part in version.split('.')[:2] if part.isdigit()) < oldest:
            wanted = '.'.join(map(str, oldest))
            raise UserError(f'{name} {version} is too old, {wanted} is needed: '
                            f"pip install 'effvit_ros[{EXTRAS[name]}]'")


def need_ros() -> None:
    """
    Check that ROS 2 and what measures a node are there.

    :raises UserError: they are not.
    """
    if find_spec('rclpy') is None:
        raise UserError(NO_ROS.format('rclpy'))
