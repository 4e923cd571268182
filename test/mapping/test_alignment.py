"""Poses made to agree: errors that are put in come out, and memory stays bounded."""
from __future__ import annotations

import cv2
import numpy as np
import pytest
from pose_messages import camera_info

from effvit_ros.mapping import alignment
from effvit_ros.mapping.alignment import Aligner, Patch, Patches, solve
from effvit_ros.mapping.camera_model import camera_model
from effvit_ros.mapping.ground import Plane
from effvit_ros.mapping.mount import Mount
from effvit_ros.mapping.pose_settings import CameraPose
from effvit_ros.mapping.rotations import about_z

CAMERA = camera_model(camera_info(160, 120, focal=100.0))
DOWN = Mount().camera(about_z(np.pi / 2))
#: A texture of a metre a pixel.
GROUND = cv2.GaussianBlur(np.random.default_rng(3).integers(0, 255, (400, 400)).astype(np.float32),
                          (0, 0), 1.5)


def picture(east, north):
    """Return what a camera at 100 m sees: a metre a pixel."""
    x, y = 200 + east - 79.5, 200 - north - 59.5
    grey = cv2.warpAffine(GROUND, np.float32([[1, 0, -x], [0, 1, -y]]), (160, 120))
    grey = cv2.normalize(grey, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)


def pose(east, north):
    return CameraPose(np.array([east, north, 100.0]), DOWN, (2.0, 2.0, 3.0), (0.01, 0.01, 0.01),
                      False)


@pytest.mark.parametrize('in_memory', [64, 1])
def test_an_error_of_one_pose_is_found(tmp_path, monkeypatch, in_memory):
    monkeypatch.setattr(alignment, 'IN_MEMORY', in_memory)
    aligner = Aligner(Plane(), 60.0, tmp_path / 'patches')
    for stamp in range(7):
        wrong = (3.0, -2.0) if stamp == 3 else (0.0, 0.0)
        aligner.add(stamp, picture(8.0 * stamp, 0), CAMERA,
                    pose(8.0 * stamp + wrong[0], wrong[1]))
    shifts = aligner.shifts()
    assert not (tmp_path / 'patches').exists()
    others = np.mean([shifts[s] for s in shifts if s != 3], axis=0)
    assert np.array(shifts[3]) - others == pytest.approx((3.0, -2.0), abs=0.3)
    assert np.hypot(*others) < 1


def test_a_wrong_match_among_many_loses_its_say():
    first, second = np.array([1, 2, 3, 2, 3, 3]), np.array([0, 1, 2, 0, 1, 0])
    true = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    measured = true[first] - true[second]
    measured[2] = (40, -30)
    errors = solve(4, first, second, measured, np.full(4, 0.01))
    assert errors - errors.mean(0) == pytest.approx(true - true.mean(0), abs=0.05)


def test_a_patch_comes_back_from_disk_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(alignment, 'IN_MEMORY', 1)
    rng, patches = np.random.default_rng(1), Patches(tmp_path / 'patches')
    made = [Patch(np.rint(rng.normal(0, 20, (7, 9))).astype(np.float32),
                  rng.random((7, 9)) > 0.5, -4, n) for n in range(3)]
    for number, patch in enumerate(made):
        patches.put(number, patch)
    for number, patch in enumerate(made):
        found = patches.get(number)
        assert (found.grey == patch.grey).all() and (found.seen == patch.seen).all()
        assert (found.row, found.column) == (-4, number)
