"""The flight as a camera: shape, determinism, smooth motion, errors."""
import numpy as np
import pytest

from effvit_ros.core.errors import UserError
from effvit_ros.flight import Flight


def test_frame_has_the_asked_size_types_and_stamp(flight):
    frame = flight.frame(45)
    assert frame.image.shape == (119, 161, 3) and frame.image.dtype == np.uint8
    assert frame.labels.shape == (119, 161) and frame.labels.dtype == np.uint8
    assert frame.stamp_s == 1.5


def test_frame_depends_on_the_index_alone(flight):
    first = flight.frame(7)
    flight.frame(300)
    again = flight.frame(7)
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.labels, again.labels)


def test_same_seed_gives_the_same_bytes_and_another_seed_others(flight):
    twin = Flight(seed=3, width=161, height=119, scene_size=1024).frame(60)
    other = Flight(seed=4, width=161, height=119, scene_size=1024).frame(60)
    frame = flight.frame(60)
    assert np.array_equal(frame.image, twin.image)
    assert np.array_equal(frame.labels, twin.labels)
    assert not np.array_equal(frame.labels, other.labels)


def test_frames_of_a_round_hold_only_lpcv_classes_and_most_of_them(flight):
    seen = set()
    for index in range(0, 600, 20):
        seen |= set(np.unique(flight.frame(index).labels).tolist())
    assert seen <= set(range(14))
    assert len(seen) >= 12


def test_path_is_smooth_and_closed(flight):
    poses = np.array([flight.path.pose(t) for t in np.arange(0, 60, 1 / 30)])
    place, rest = poses[:, :2], poses[:, 2:]
    steps = np.hypot(*np.diff(place, axis=0).T)
    assert steps.max() < 3 * np.median(steps)
    assert np.abs(np.diff(steps)).max() < 0.5 * np.median(steps)
    assert np.abs(np.diff(rest, axis=0)).max() < 0.1
    assert (place > 0).all() and (place < 1024).all()


@pytest.mark.parametrize('options, named', [
    ({'width': 8}, 'width 8'),
    ({'height': 5000}, 'height 5000'),
    ({'rate_hz': 0.0}, 'rate 0.0'),
    ({'seed': -1}, 'seed -1'),
], ids=lambda v: v if isinstance(v, str) else '')
def test_bad_option_is_named_with_its_value(options, named):
    with pytest.raises(UserError, match=named):
        Flight(**options)
