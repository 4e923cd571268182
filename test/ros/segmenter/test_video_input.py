"""Video topics: packets become Images under their own header; what is missing is one line."""
from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip('av', reason='PyAV is not installed: pip install av')
from bag_files import picture  # noqa: E402
from builtin_interfaces.msg import Time  # noqa: E402
from std_msgs.msg import Header  # noqa: E402
from video_files import encode  # noqa: E402

from effvit_ros.core.errors import UserError  # noqa: E402
from effvit_ros.core.pixels import PictureError  # noqa: E402
from effvit_ros.core.video_packets import VideoDecoder  # noqa: E402
from effvit_ros.ros.common.codec import picture_from  # noqa: E402
from effvit_ros.ros.segmenter.video_input import image_of, VideoInput  # noqa: E402


def foxglove(data, second):
    return SimpleNamespace(timestamp=Time(sec=second), frame_id='camera', data=data,
                           format='h264')


def ffmpeg(data, second):
    header = Header(stamp=Time(sec=second), frame_id='camera')
    return SimpleNamespace(header=header, encoding='libx264', data=data)


@pytest.mark.parametrize('packet', [foxglove, ffmpeg])
def test_each_packet_becomes_an_image_under_its_own_header(packet):
    decoder = VideoDecoder()
    for index, data in enumerate(encode([picture(i) for i in range(3)])):
        message = image_of(packet(data, index), decoder)
        assert message.header == Header(stamp=Time(sec=index), frame_id='camera')
        assert message.encoding == 'bgr8'
        found = picture_from(message).pixels
        assert np.abs(found.astype(int) - picture(index)).mean() < 4


def test_a_packet_without_its_key_frame_is_told_when_its_turn_comes():
    _, second = encode([picture(0), picture(1)])
    message = image_of(foxglove(second, 7), VideoDecoder())
    assert message.header.stamp.sec == 7
    with pytest.raises(PictureError, match='a key frame that is not there'):
        picture_from(message)


@pytest.mark.parametrize('transport, package', [
    ('ffmpeg', 'ffmpeg-image-transport-msgs'), ('foxglove', 'foxglove-msgs')])
def test_messages_that_are_not_installed_are_named(transport, package):
    with pytest.raises(UserError) as caught:
        VideoInput(transport, print)
    assert str(caught.value).startswith(f"image_transport is '{transport}', but ")
    assert str(caught.value).endswith(f'installed: sudo apt install ros-$ROS_DISTRO-{package}')


def test_the_node_says_so_and_can_be_told_otherwise(probe, start_segmenter):
    start_segmenter()
    node = '/segmenter'
    assert probe.transition(node, 'deactivate')
    assert probe.set_parameter(node, 'image_transport', 'foxglove').successful
    assert not probe.transition(node, 'activate')
    probe.until(lambda: probe.state(node) == 'unconfigured', what='unconfigured')
    assert probe.set_parameter(node, 'image_transport', 'raw').successful
    assert probe.transition(node, 'configure') and probe.transition(node, 'activate')
