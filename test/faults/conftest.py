"""Fixtures of the fault tests."""
from __future__ import annotations

import sys
from pathlib import Path

import pytest

# The helper and the stand-in node are imported by their file names.
sys.path.insert(0, str(Path(__file__).parent))

from watched_node import WatchedNode  # noqa: E402


@pytest.fixture
def watch(tmp_path, tiny_bundle):
    """
    Start a segmenter under watch; it must live until the test's end and end cleanly.

    Silence raises no alarm unless the test asks for it.
    """
    nodes = []

    def watch(**options):
        folder = tmp_path / str(len(nodes))
        folder.mkdir()
        nodes.append(WatchedNode(
            folder, **{'model': tiny_bundle, 'no_image_timeout': 0.0, **options}))
        return nodes[-1]
    yield watch
    try:
        for node in nodes:
            node.close()
    finally:
        for node in nodes:
            if node.alive():
                node.process.process.kill()
                node.process.process.wait()
