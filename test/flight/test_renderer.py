"""The camera: geometry against a scene made by hand."""
import numpy as np
import pytest

from effvit_ros.flight.path import Pose
from effvit_ros.flight.renderer import Light, Renderer
from effvit_ros.flight.scene import Scene

CLEAR = Light(noise=0.0)


@pytest.fixture(scope='module')
def quarters():
    """Scene of four quarters whose grey level is 60 times their label."""
    labels = np.zeros((512, 512), np.uint8)
    labels[:256, 256:], labels[256:, :256], labels[256:, 256:] = 1, 2, 3
    return Scene(np.repeat(labels[..., None] * np.uint8(60), 3, 2), labels, 6.5, {})


@pytest.mark.parametrize('heading, corners', [
    (-np.pi / 2, [0, 1, 2, 3]),
    (0.0, [1, 3, 0, 2]),
    (np.pi / 2, [3, 2, 1, 0]),
], ids=['north_up', 'east_up', 'south_up'])
def test_heading_turns_the_map_under_the_camera(quarters, heading, corners):
    _, labels = Renderer(quarters, 64, 48).render(Pose(255.5, 255.5, 0.4, heading, 0, 0), CLEAR)
    assert labels[[2, 2, -3, -3], [2, -3, 2, -3]].tolist() == corners


def test_scale_is_map_pixels_per_picture_pixel_of_a_640_wide_camera(quarters):
    renderer = Renderer(quarters, 320, 240)
    matrix = renderer.homography(Pose(256, 256, 0.5, -np.pi / 2, 0, 0))
    left, right = (matrix @ (u, 119.5, 1) for u in (0, 319))
    assert (right / right[2] - left / left[2])[0] == pytest.approx(319 * 0.5 * 640 / 320)


def test_middle_of_a_tilted_view_stays_on_the_target(quarters):
    renderer = Renderer(quarters, 320, 240)
    point = renderer.homography(Pose(100, 300, 1.0, 0.7, 0.5, -0.1)) @ (159.5, 119.5, 1)
    assert point[:2] / point[2] == pytest.approx((100, 300))


@pytest.mark.parametrize('scale', [0.05, 0.12, 0.3])
def test_labels_and_picture_agree_at_every_level_of_detail(quarters, scale):
    image, labels = Renderer(quarters, 65, 49).render(
        Pose(250, 260, scale, 0.4, 0.3, 0.05), CLEAR)
    told = np.round(image[..., 1] / 60.0)
    assert (told == labels).mean() > 0.93


def test_motion_blurs_along_its_direction_only(quarters):
    pose = Pose(255.5, 255.5, 0.05, -np.pi / 2, 0, 0)
    renderer = Renderer(quarters, 64, 48)
    sharp, _ = renderer.render(pose, CLEAR)
    blurred, labels = renderer.render(pose, CLEAR, motion=(6.0, 0.0))
    steps = [[np.abs(np.diff(image[..., 0].astype(int), axis=axis)).max() for axis in (0, 1)]
             for image in (sharp, blurred)]
    (down_sharp, across_sharp), (down_blurred, across_blurred) = steps
    assert across_blurred < 0.5 * across_sharp
    assert down_blurred == pytest.approx(down_sharp, abs=2)
    assert set(np.unique(labels)) == {0, 1, 2, 3}
