"""Docstrings as ament checks them in ROS packages."""
from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.pep257
@pytest.mark.linter
def test_pep257():
    main = pytest.importorskip('ament_pep257.main', reason='ament_pep257 is not installed')
    paths = [str(ROOT / name) for name in ('effvit_ros', 'launch', 'test', 'setup.py')]
    assert main.main(argv=paths) == 0
