"""Where the package's own files (bundles, configuration, launch files) lie."""
from __future__ import annotations

import os
from pathlib import Path

from effvit_ros.core.errors import UserError

PACKAGE = 'effvit_ros'


def share_directory() -> Path:
    """
    Return the folder that holds ``resource/models``, ``config`` and ``launch``.

    Looked for next to the code (a source checkout or ``pip install -e``), in the prefix that
    the code is installed in (``pip install``, ``colcon build``), then in AMENT_PREFIX_PATH.

    :raises UserError: when it is nowhere, that is, when the installation is incomplete.
    """
    module = Path(__file__).resolve()
    checkout = module.parents[2]
    if (checkout / 'package.xml').is_file() and (checkout / 'config').is_dir():
        return checkout
    prefixes = list(module.parents)
    prefixes += [Path(p) for p in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep) if p]
    for prefix in prefixes:
        candidate = prefix / 'share' / PACKAGE
        if (candidate / 'config').is_dir():
            return candidate
    raise UserError(
        f'the share folder of {PACKAGE} is missing next to {module.parents[1]}: '
        'install the package with pip or colcon, or source its setup file')


def models_directory() -> Path:
    """Return the folder of the shipped bundles."""
    return share_directory() / 'resource' / 'models'
