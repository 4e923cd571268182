"""Fixtures for the whole suite."""
from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

# Test helpers are imported by their file name.
sys.path.insert(0, str(Path(__file__).parent))

from tiny_bundle import write_tiny_bundle  # noqa: E402

# A shell's background job ignores Ctrl-C, and what the tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope='session')
def tiny_bundle(tmp_path_factory):
    """Return the folder of a small real bundle; not to be changed."""
    return write_tiny_bundle(tmp_path_factory.mktemp('bundle') / 'tiny')
