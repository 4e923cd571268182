"""Sources of frames: what they give, and one line for what can't be."""
from __future__ import annotations

import threading
import time

import cv2
import numpy as np
import pytest

from effvit_ros.core.errors import UserError
from effvit_ros.ros.camera.sources import open_source
from effvit_ros.ros.camera.sources.device import DeviceSource


def gray(level, height=12, width=16):
    """Return a picture of one gray level."""
    return np.full((height, width, 3), level, np.uint8)


def write(path, pixels):
    """Write a picture, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)


def write_video(path, levels):
    """Write a video of 10 frames a second, one gray level a frame."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10, (64, 48))
    for level in levels:
        writer.write(gray(level, 48, 64))
    writer.release()


def levels(source, count=100):
    """Read up to ``count`` frames and return their middle gray levels."""
    found = []
    for _ in range(count):
        frame = source.read()
        if frame is None:
            break
        found.append(int(frame.image[frame.image.shape[0] // 2, 5, 0]))
    return found


def test_a_folder_gives_its_pictures_by_name_each_in_its_own_size(tmp_path):
    write(tmp_path / 'b.png', gray(2, 20, 30))
    write(tmp_path / 'a.png', gray(1, 12, 16))
    (tmp_path / 'notes.txt').write_text('no picture')
    source = open_source('folder', tmp_path, loop=False)
    first, second, end = source.read(), source.read(), source.read()
    assert (first.image.shape, second.image.shape) == ((12, 16, 3), (20, 30, 3))
    assert (first.image[0, 0, 0], second.image[0, 0, 0]) == (1, 2)
    assert first.labels is None and end is None and not source.has_truth


def test_a_looping_folder_starts_again(tmp_path):
    for level in (1, 2):
        write(tmp_path / f'{level}.png', gray(level))
    assert levels(open_source('folder', tmp_path), 5) == [1, 2, 1, 2, 1]


def test_broken_pictures_are_skipped_and_said_once(tmp_path):
    for name, content in (('0.png', b''), ('2.jpg', b'not a picture')):
        (tmp_path / name).write_bytes(content)
    write(tmp_path / '1.png', gray(7))
    said = []
    source = open_source('folder', tmp_path, say=said.append)
    assert levels(source, 4) == [7, 7, 7, 7]
    assert source.skipped == 2
    assert [line.split(':')[0] for line in said] == [
        str(tmp_path / '0.png'), str(tmp_path / '2.jpg')]


def test_a_size_stretches_pictures_and_keeps_label_ids(tmp_path):
    write(tmp_path / 'images' / 'a.png', gray(9))
    write(tmp_path / 'labels' / 'a.png', np.eye(16, dtype=np.uint8)[:12] * 200)
    frame = open_source('folder', tmp_path / 'images', width=40, height=30).read()
    assert frame.image.shape == (30, 40, 3) and frame.labels.shape == (30, 40)
    assert set(np.unique(frame.labels)) == {0, 200}


@pytest.mark.parametrize('images, folders, labels_path, expected', [
    pytest.param('images', ['labels'], '', 'labels', id='beside'),
    pytest.param('images/val', ['labels/val'], '', 'labels/val', id='beside-with-split'),
    pytest.param('images', ['labels', 'labels_lpcv14'], '', 'labels_lpcv14', id='lpcv14-first'),
    pytest.param('images', ['labels', 'labels_other'], '', None, id='ambiguous'),
    pytest.param('images', ['labels'], 'none', None, id='none-wanted'),
    pytest.param('images', ['truth'], 'truth', 'truth', id='named'),
    pytest.param('pictures', [], '', None, id='without'),
])
def test_labels_of_a_folder(tmp_path, images, folders, labels_path, expected):
    write(tmp_path / images / 'a.png', gray(9))
    for number, folder in enumerate(folders, 1):
        write(tmp_path / folder / 'a.png', np.full((12, 16), number, np.uint8))
    if labels_path not in ('', 'none'):
        labels_path = str(tmp_path / labels_path)
    said = []
    source = open_source('folder', tmp_path / images, labels_path, say=said.append)
    labels = source.read().labels
    assert source.has_truth == (expected is not None)
    if expected is None:
        assert labels is None
        assert len(said) == (len(folders) > 1)
    else:
        assert (labels == folders.index(expected) + 1).all()


@pytest.mark.parametrize('pixels, reason', [
    pytest.param(np.zeros((5, 5), np.uint8), '5x5 pixels, its picture has 16x12', id='size'),
    pytest.param(np.zeros((12, 16, 3), np.uint8), '3 channels of uint8', id='colour'),
    pytest.param(np.full((12, 16), 300, np.uint16), 'holds id 300', id='16-bit'),
    pytest.param(None, 'missing', id='missing'),
])
def test_a_label_picture_that_does_not_fit_costs_only_the_truth(tmp_path, pixels, reason):
    write(tmp_path / 'images' / 'a.png', gray(9))
    (tmp_path / 'labels').mkdir()
    if pixels is not None:
        write(tmp_path / 'labels' / 'a.png', pixels)
    said = []
    source = open_source('folder', tmp_path / 'images', say=said.append)
    assert source.read().labels is None and source.read().labels is None
    assert len(said) == 1 and reason in said[0]


def test_a_video_ends_or_loops_and_knows_its_rate(tmp_path):
    write_video(tmp_path / 'v.avi', [0, 100, 200])
    once = open_source('video', tmp_path / 'v.avi', loop=False)
    assert once.rate_hz == 10
    assert levels(once) == pytest.approx([0, 100, 200], abs=3)
    assert levels(open_source('video', tmp_path / 'v.avi'), 5) == pytest.approx(
        [0, 100, 200, 0, 100], abs=3)


def test_prerecorded_frames_repeat(tmp_path):
    for level in (1, 2, 3):
        write(tmp_path / f'{level}.png', gray(level))
    assert levels(open_source('folder', tmp_path, prerecord=2), 5) == [1, 2, 1, 2, 1]
    assert levels(open_source('folder', tmp_path, prerecord=9, loop=False)) == [1, 2, 3]


def bad_folder(folder):
    (folder / 'only.jpg').write_bytes(b'not a picture')
    return open_source('folder', folder).read()


def bad_video(folder):
    (folder / 'v.mp4').write_bytes(b'not a video')
    return open_source('video', folder / 'v.mp4')


@pytest.mark.parametrize('use, message', [
    pytest.param(lambda d: open_source('webcam'), "source 'webcam' is unknown", id='kind'),
    pytest.param(lambda d: open_source('folder'), "'folder' needs a path", id='no-path'),
    pytest.param(lambda d: open_source('folder', d / 'x'), 'no such folder', id='no-folder'),
    pytest.param(lambda d: open_source('folder', d), 'no pictures in it', id='empty-folder'),
    pytest.param(bad_folder, 'none of its 1 pictures can be read', id='only-broken'),
    pytest.param(lambda d: open_source('folder', d, width=64), '64x0 is incomplete', id='size'),
    pytest.param(lambda d: open_source('video', d / 'v'), 'no such video file', id='no-video'),
    pytest.param(bad_video, 'not a video', id='broken-video'),
    pytest.param(lambda d: open_source('device', d / 'video9'), 'no such video device',
                 id='no-device'),
    pytest.param(lambda d: open_source('device', '/dev/null'), 'cannot be opened',
                 id='not-a-device'),
    pytest.param(lambda d: open_source('flight', width=4, height=4), 'out of range',
                 id='flight-size'),
])
def test_what_cannot_be_opened_gets_one_line(tmp_path, use, message):
    with pytest.raises(UserError, match=message) as caught:
        use(tmp_path)
    assert '\n' not in str(caught.value)


class Capture:
    """Delivers numbered frames at 100 Hz like OpenCV's capture; ``last`` ends it."""

    def __init__(self, last=10**6):
        self.count, self.last, self.released, self.settings = 0, last, False, {}
        self._moved = threading.Condition()

    def set(self, key, value):
        self.settings[key] = value

    def get(self, key):
        return 100.0

    def read(self):
        time.sleep(0.01)
        with self._moved:
            self.count += 1
            self._moved.notify_all()
        return self.count <= self.last, gray(min(self.count, 255))

    def delivered(self, count):
        """Return whether so many frames are read off within some seconds."""
        with self._moved:
            return self._moved.wait_for(lambda: self.count >= count, 20)

    def release(self):
        self.released = True


def test_a_device_gives_the_newest_frame_with_its_time_and_is_released():
    capture, began = Capture(), time.monotonic()
    source = DeviceSource(0, 16, 12, 100, open_capture=lambda path: capture)
    assert capture.settings[cv2.CAP_PROP_FRAME_WIDTH] == 16
    source.read()
    assert capture.delivered(12)  # while nobody reads
    frame = source.read()
    assert frame.image[0, 0, 0] >= 10, 'frames that waited in between are passed over'
    assert began <= frame.captured_s <= time.monotonic()
    assert source.read().image[0, 0, 0] > frame.image[0, 0, 0], 'no frame comes twice'
    source.close()
    assert capture.released


def test_an_unplugged_device_is_said():
    source = DeviceSource('/dev/video0', open_capture=lambda path: Capture(last=1))
    source.read()
    with pytest.raises(UserError, match='/dev/video0: the device delivers no frames'):
        source.read()
    source.close()
