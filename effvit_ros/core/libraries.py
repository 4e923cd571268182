"""Says which libraries are missing and how to get them: one line, whichever command lacks one."""
from __future__ import annotations

import re
import sys
from importlib.util import find_spec

from effvit_ros.core.errors import UserError

#: Libraries that read and write bags; reports are drawn with the others.
READING = ('rosbags', 'mcap', 'zstandard')
#: Libraries that maps are made with.
MAPPING = ('pyproj', 'shapely', 'rasterio', 'simplekml')
REPORTING = ('jinja2', 'matplotlib', 'PIL', 'rich')
#: The oldest Python that rosbags runs on.
BAGS_PYTHON = (3, 10)
_NO_ROS = ('ROS 2 is not here (no {}): source its setup file (source /opt/ros/$ROS_DISTRO/'
           "setup.bash), or on x86-64 pip install 'effvit_ros[ros]'")
#: Import name -> the extra of setup.py that installs it.
_EXTRAS = {**dict.fromkeys(READING + REPORTING, 'bags'), 'psutil': 'bags', 'rich': 'demo',
           **dict.fromkeys(MAPPING, 'map'), 'av': 'video', 'ray': 'ray',
           'pymavlink': 'mavlink', 'serial': 'mavlink'}


def need(*names):
    """
    Check that these libraries are installed.

    :raises UserError: one is not; the message lists all that are missing.
    """
    missing = [name for name in names if find_spec(name) is None]
    if not missing:
        return
    if 'rosbags' in missing and sys.version_info < BAGS_PYTHON:
        raise UserError(
            'bags need the library rosbags, which runs on Python %d.%d or newer, and this is '
            'Python %d.%d: evaluate recordings on a machine with a newer one'
            % (BAGS_PYTHON + tuple(sys.version_info[:2])))
    extras = list(dict.fromkeys(_EXTRAS[name] for name in missing))
    if 'bags' in extras and 'demo' in extras:
        extras.remove('demo')  # it has what the demo needs
    raise UserError(f"not installed: {', '.join(missing)}: "
                    f"pip install 'effvit_ros[{','.join(extras)}]'")


def need_ros():
    """
    Check that ROS 2 and what measures a node are there.

    :raises UserError: they are not.
    """
    if find_spec('rclpy') is None:
        raise UserError(_NO_ROS.format('rclpy'))
    need('psutil')


def import_problem(error):
    """
    Return in one line what an :class:`ImportError` lacks and how to get it.

    None where it is of this project's own modules: that is no mistake of the user.
    """
    name = (error.name or '').split('.')[0]
    text = ' '.join(str(error).split())
    if name.startswith('effvit_') or not (name or 'numpy' in text):
        return None
    if 'numpy.core.multiarray' in text or name == 'cv2' and 'numpy' in text:
        return (f'OpenCV does not fit the NumPy that is installed ({text}): apt\'s OpenCV needs '
                "pip install 'numpy<2'")
    if name == 'rclpy' and find_spec(name) is not None and error.name != name:
        return f'this ROS 2 is older than humble, the oldest that is supported ({text})'
    if isinstance(error, ModuleNotFoundError):
        if name in _EXTRAS:
            return f"not installed: {name}: pip install 'effvit_ros[{_EXTRAS[name]}]'"
        if re.fullmatch(r'rclpy|rcl_interfaces|\w+_msgs|ament_index_python', name):
            return _NO_ROS.format(name)
        return f'not installed: {error.name}: pip install {name}'
    return f'{name} cannot be loaded: {text}'
