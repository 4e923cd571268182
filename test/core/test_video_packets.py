"""Packets of a real H.264 stream: every picture in its place, and what is said where one lacks."""
from __future__ import annotations

import sys

import numpy as np
import pytest

pytest.importorskip('av', reason='PyAV is not installed: pip install av')
from bag_files import picture  # noqa: E402
from video_files import encode  # noqa: E402

from effvit_ros.core.errors import UserError  # noqa: E402
from effvit_ros.core.pixels import PictureError  # noqa: E402
from effvit_ros.core.video_packets import VideoDecoder  # noqa: E402

PICTURES = [picture(index) for index in range(10)]


@pytest.fixture(scope='module')
def packets():
    """Return ten packets; 0, 4 and 8 are key frames."""
    return encode(PICTURES)


def shows(found, expected):
    """Return whether two pictures are the same but for what the codec loses."""
    return np.abs(found.pixels.astype(int) - expected).mean() < 4


@pytest.mark.parametrize('codec', ['h264', 'H264', 'libx264', 'libx264;yuv420p;bgr8;bgr8'])
def test_every_packet_gives_its_own_picture(packets, codec):
    decoder = VideoDecoder()
    for packet, expected in zip(packets, PICTURES):
        found = decoder.decode(packet, codec)
        assert found.order == 'bgr' and found.pixels.shape == expected.shape
        assert shows(found, expected)


def test_h265():
    decoder = VideoDecoder()
    for packet, expected in zip(encode(PICTURES[:3], 'libx265'), PICTURES):
        assert decoder.decode(packet, 'hevc').pixels.shape == expected.shape


def test_a_stream_that_begins_in_the_middle_is_read_from_the_next_key_frame_on(packets):
    decoder = VideoDecoder()
    for index in (2, 3):
        with pytest.raises(PictureError, match='a key frame that is not there') as caught:
            decoder.decode(packets[index], 'h264')
        assert caught.value.kind == 'data'
    assert shows(decoder.decode(packets[4], 'h264'), PICTURES[4])
    assert shows(decoder.decode(packets[5], 'h264'), PICTURES[5])


def test_behind_a_lost_packet_nothing_is_invented(packets):
    decoder = VideoDecoder()
    decoder.decode(packets[0], 'h264')
    decoder.lost()
    for index in (2, 3):
        with pytest.raises(PictureError, match='a key frame that is not there'):
            decoder.decode(packets[index], 'h264')
    assert shows(decoder.decode(packets[8], 'h264'), PICTURES[8])


@pytest.mark.parametrize('data, codec, words', [
    (b'\x00\x00\x01\x65' + bytes(40), 'h264', 'packet of 44 bytes'),
    (b'', 'h264', 'key frame'),
    (b'\x00\x00\x01\x65', 'av1', "codec 'av1' is not supported: give h264 or h265"),
    (b'\x00\x00\x01\x65', '', "codec '' is not supported"),
], ids=['no packet', 'empty', 'another codec', 'no codec'])
def test_what_cannot_be_decoded_is_one_line(data, codec, words):
    with pytest.raises(PictureError, match=words) as caught:
        VideoDecoder().decode(data, codec)
    assert '\n' not in str(caught.value)


def test_without_pyav_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, 'av', None)
    with pytest.raises(UserError, match='video topics need PyAV: pip install av'):
        VideoDecoder()
