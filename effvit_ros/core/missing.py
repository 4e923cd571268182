"""What an import that failed lacks, and how to get it, in one line."""
from __future__ import annotations

import re
from importlib.util import find_spec
from typing import Optional

#: Libraries that read and write bags; reports are drawn with the others.
READING = ('rosbags', 'mcap', 'zstandard')
#: Libraries that maps are made with.
MAPPING = ('pyproj', 'shapely', 'rasterio', 'simplekml')
#: Library -> (name of its distribution, oldest release that will do), where distributions
#: still bring older ones: Ubuntu 22.04 and Debian 12 have shapely 1.8.
OLDEST = {'shapely': ('shapely', (2, 0)), 'rasterio': ('rasterio', (1, 3))}
REPORTING = ('jinja2', 'matplotlib', 'PIL', 'rich')
NO_ROS = ('ROS 2 is not here (no {}): source its setup file (source /opt/ros/$ROS_DISTRO/'
           "setup.bash), or on x86-64 pip install 'effvit_ros[ros]'")
#: Import name -> the extra of setup.py that installs it.
EXTRAS = {**dict.fromkeys(READING + REPORTING, 'bags'), 'rich': 'demo',
           **dict.fromkeys(MAPPING, 'map'), 'aiohttp': 'view', 'av': 'video', 'ray': 'ray',
           'pymavlink': 'mavlink', 'serial': 'mavlink'}


def import_problem(error: ImportError) -> Optional[str]:
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
        if name in EXTRAS:
            return f"not installed: {name}: pip install 'effvit_ros[{EXTRAS[name]}]'"
        if re.fullmatch(r'rclpy|rcl_interfaces|\w+_msgs|ament_index_python', name):
            return NO_ROS.format(name)
        return f'not installed: {error.name}: pip install {name}'
    return f'{name} cannot be loaded: {text}'
