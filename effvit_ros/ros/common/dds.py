"""The Fast DDS profile that lets whole pictures pass between processes; needs no ROS."""
from __future__ import annotations

import os
from importlib import metadata
from typing import Dict, Mapping, Optional, Tuple

from effvit_ros.core.install_paths import share_directory

#: What Fast DDS 3 (kilted and newer) and Fast DDS 2 (humble to jazzy) read.
NEW_NAME, OLD_NAME = 'FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE'


def dds_environment(environ: Optional[Mapping[str, str]] = None) -> Dict[str, str]:
    """
    Return the variables to add so that a process uses the shipped shared-memory profile.

    Every process that exchanges pictures needs them. Empty where the user set a profile.

    :param environ: the environment to look at; None takes ``os.environ``.
    """
    environ = os.environ if environ is None else environ
    if any(environ.get(name) for name in (NEW_NAME, OLD_NAME)):
        return {}
    profile = str(share_directory() / 'config' / 'fastdds_shm.xml')
    return {name: profile for name in _names(environ)}


def _names(environ: Mapping[str, str]) -> Tuple[str, ...]:
    """Return the names that this release reads: the newer one warns of the old name."""
    distro = environ.get('ROS_DISTRO')
    if distro:
        return (OLD_NAME,) if distro in ('humble', 'iron', 'jazzy') else (NEW_NAME,)
    try:  # ROS from wheels sets no ROS_DISTRO; kilted's rmw_fastrtps is version 9
        major = int(metadata.version('ros-rmw-fastrtps-cpp').split('.')[0])
    except metadata.PackageNotFoundError:
        return NEW_NAME, OLD_NAME
    return (OLD_NAME,) if major < 9 else (NEW_NAME,)
