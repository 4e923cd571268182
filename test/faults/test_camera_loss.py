"""A camera that disappears and returns."""
from __future__ import annotations

import signal

import cv2
import pytest
from live_ros import NodeProcess
from watched_node import noise, OK, STALE


@pytest.mark.slow
@pytest.mark.parametrize('end', [signal.SIGTERM, signal.SIGKILL], ids=['unplugged', 'killed'])
def test_silence_is_stale_until_the_camera_is_back(watch, tmp_path, end):
    node = watch(no_image_timeout=1.0)
    cv2.imwrite(str(tmp_path / 'picture.png'), noise())
    for turn in range(2):
        camera = NodeProcess('effvit_ros.ros.camera.main', node.domain,
                             tmp_path / f'camera{turn}', source='folder', path=tmp_path,
                             rate_hz=20.0)
        try:
            node.until_level(OK, 'segmenting')
            # Of this camera, not one that was under way.
            seen = node.count('frames_segmented')
            node.probe.until(lambda: node.count('frames_segmented') > seen + 5, 60)
        finally:
            camera.end(end)
        node.until_level(STALE, 'no frame for')
    assert node.process.log.count('frames come again on /image') >= 1
    assert node.count('errors') == 0
