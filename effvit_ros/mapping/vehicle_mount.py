"""The section ``mount`` of a vehicle's file, read without ROS."""
from __future__ import annotations

from pathlib import Path
from typing import Union

import yaml

from effvit_ros.core.errors import UserError
from effvit_ros.mapping.mount import Mount, mount_of


def read_mount(path: Union[str, Path]) -> Mount:
    """
    Return the :class:`~effvit_ros.mapping.mount.Mount` of a vehicle's YAML file.

    :raises UserError: the file can't be read, has no such section, or a value is not allowed.
    """
    try:
        content = yaml.safe_load(Path(path).expanduser().read_text(encoding='utf-8'))
    except OSError as error:
        raise UserError(f'{path}: {error.strerror}') from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f'{path}: not YAML: {" ".join(str(error).split())}') from None
    section = content.get('mount') if isinstance(content, dict) else None
    if not isinstance(section, dict):
        raise UserError(f'{path}: no section mount: give kind, tilt_deg, pan_deg')
    try:
        return mount_of(section)
    except UserError as error:
        raise UserError(f'{path}: {error}') from None
