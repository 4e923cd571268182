"""Style as ament checks it in ROS packages."""
from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.flake8
@pytest.mark.linter
def test_flake8():
    main = pytest.importorskip('ament_flake8.main', reason='ament_flake8 is not installed')
    paths = [str(ROOT / name) for name in ('effvit_ros', 'launch', 'test', 'setup.py')]
    code, errors = main.main_with_errors(argv=paths)
    assert code == 0, '\n'.join(errors)
