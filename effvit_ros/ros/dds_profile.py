"""The Fast DDS profile that lets whole pictures pass between processes; needs no ROS."""
from __future__ import annotations

import os

from effvit_ros.core.share import share_directory

#: The names that Fast DDS 3 and 2 read; a user who set one has decided.
VARIABLES = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')


def dds_environment(environ=None):
    """
    Return the variables to add so that a process uses the shipped shared-memory profile.

    Every process that exchanges pictures needs them. Empty where the user set a profile.

    :param environ: the environment to look at; None takes ``os.environ``.
    """
    environ = os.environ if environ is None else environ
    if any(environ.get(name) for name in VARIABLES):
        return {}
    profile = str(share_directory() / 'config' / 'fastdds_shm.xml')
    return {name: profile for name in VARIABLES}
