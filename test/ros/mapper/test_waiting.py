"""Labels wait for their pose and their confidence, and what is read of the messages."""
from __future__ import annotations

import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header

from effvit_ros.core.label_files import LabelError
from effvit_ros.mapping.track import PoseProblem
from effvit_ros.ros.common.codec import image_message, jpeg_message, png_message
from effvit_ros.ros.mapper.label_message import confidence_of, labels_of
from effvit_ros.ros.mapper.waiting import MOST_WAITING, WaitingLabels

S = 10**9
IDS = np.array([[0, 1, 2], [3, 4, 10]], np.uint8)


def poses_until(last_ns):
    def pose_at(stamp_ns):
        if stamp_ns > last_ns:
            raise PoseProblem('no_pose', 'not yet')
        return f'pose at {stamp_ns}'
    return pose_at


def line(*stamps):
    made = WaitingLabels()
    for stamp in stamps:
        made.add(f'labels {stamp}', stamp, now=stamp)
    return made


def test_the_newest_with_a_pose_goes_first_and_older_ones_are_dropped():
    ready, dropped, problems = line(1, 2, 3).take(poses_until(2), 1.0, now=3)
    assert (ready.labels, ready.pose, ready.confidence) == ('labels 2', 'pose at 2', None)
    assert (dropped, problems) == (1, [])


def test_one_that_waited_too_long_is_left_out_with_those_before_it():
    waiting = line(1, 2, 9)
    ready, _, problems = waiting.take(poses_until(0), 5.0, now=9)
    assert ready is None and [p.kind for p in problems] == ['no_pose'] * 2
    ready, _, problems = waiting.take(poses_until(9), 5.0, now=9)
    assert ready.labels == 'labels 9', 'which had not waited long'


def test_what_never_comes_right_does_not_wait():
    def jump(stamp_ns):
        raise PoseProblem('pose_jump', 'jumps')
    assert line(1).take(jump, 100.0, now=1)[2][0].kind == 'pose_jump'


@pytest.mark.parametrize('confidence_of_stamp, now, taken', [
    pytest.param(2, 2.1, ('labels 2', 'sure 2'), id='its_own_is_there'),
    # 1 came a moment ago: that of 2 is on its way, and 1 has its own.
    pytest.param(1, 2.1, ('labels 1', 'sure 1'), id='that_of_the_one_before'),
    pytest.param(1, 2.6, ('labels 2', None), id='it_does_not_come_in_time'),
    pytest.param(None, 2.1, ('labels 2', None), id='none_ever_came'),
    pytest.param(1, 9.0, ('labels 2', None), id='none_comes_any_more'),
])
def test_labels_wait_for_their_confidence_while_such_come(confidence_of_stamp, now, taken):
    waiting = line(1, 2)
    if confidence_of_stamp is not None:
        waiting.add_confidence(f'sure {confidence_of_stamp}', confidence_of_stamp, now=2.0)
    ready, _, _ = waiting.take(poses_until(9), 0.5, now)
    assert (ready.labels, ready.confidence) == taken


def test_too_many_are_dropped_and_a_clock_that_goes_back_begins_anew():
    waiting = WaitingLabels()
    dropped = sum(waiting.add(n, n * S, n)[0] for n in range(10, 10 + MOST_WAITING + 3))
    assert dropped == 3
    assert waiting.add('again', 1 * S, 99) == (0, True)
    ready, dropped, _ = waiting.take(poses_until(99 * S), 1.0, 99)
    assert ready.labels == 'again' and dropped == 0


def wrong(**fields):
    message = image_message(IDS, 'mono8', Header())
    for name, value in fields.items():
        setattr(message, name, value)
    return message


@pytest.mark.parametrize('message', [
    image_message(IDS, 'mono8', Header()), png_message(IDS, Header())])
def test_ids_come_as_they_were_sent(message):
    assert (labels_of(message) == IDS).all()


@pytest.mark.parametrize('message, words', [
    pytest.param(image_message(np.zeros((2, 3, 3), np.uint8), 'bgr8', Header()),
                 "encoding 'bgr8': label maps are mono8", id='colours'),
    pytest.param(wrong(step=2), 'does not fit', id='step'),
    pytest.param(wrong(height=7), 'does not fit 6 bytes', id='height'),
    pytest.param(jpeg_message(np.zeros((8, 8, 3), np.uint8), 90, Header()), 'jpeg', id='jpeg'),
    pytest.param(CompressedImage(format='png', data=b'no picture'), 'png', id='no_picture'),
])
def test_what_is_no_labels_is_one_line(message, words):
    with pytest.raises(LabelError, match=words) as caught:
        labels_of(message)
    assert '\n' not in str(caught.value)


def test_a_confidence_of_another_size_is_refused():
    assert confidence_of(None, (2, 3)) is None
    with pytest.raises(LabelError, match='the confidence is 3x2, its labels are 9x9'):
        confidence_of(image_message(IDS, 'mono8', Header()), (9, 9))
