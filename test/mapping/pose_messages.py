"""Messages of poses for tests, made of plain objects with the fields of the real ones."""
from __future__ import annotations

from types import SimpleNamespace as Object

import numpy as np

from effvit_ros.mapping.rotations import quaternion_of


def header(frame_id='base_link'):
    return Object(frame_id=frame_id)


def fix(latitude=47.0, longitude=15.0, altitude=450.0, status=0, sigma=1.0):
    return Object(header=header(), status=Object(status=status), latitude=latitude,
                  longitude=longitude, altitude=altitude, position_covariance_type=2 * bool(sigma),
                  position_covariance=np.diag([sigma ** 2] * 3).ravel())


def imu(rotation=np.eye(3), frame_id='base_link', sigma=0.01, quaternion=None):
    """``rotation``: of the body (forward, left, up) in east, north, up."""
    x, y, z, w = quaternion_of(rotation) if quaternion is None else quaternion
    return Object(header=header(frame_id), orientation=Object(x=x, y=y, z=z, w=w),
                  orientation_covariance=np.diag([sigma ** 2] * 3).ravel())


def pose(east=0.0, north=0.0, up=50.0, rotation=np.eye(3), frame_id='map'):
    x, y, z, w = quaternion_of(rotation)
    return Object(header=header(frame_id), pose=Object(
        position=Object(x=east, y=north, z=up), orientation=Object(x=x, y=y, z=z, w=w)))


def distance(metres, least=0.2, most=1000.0):
    return Object(header=header(), range=metres, min_range=least, max_range=most)


def camera_info(width=640, height=480, focal=500.0, d=(), model='plumb_bob', **fields):
    k = [focal, 0, (width - 1) / 2, 0, focal, (height - 1) / 2, 0, 0, 1]
    p = [focal, 0, (width - 1) / 2, 0, 0, focal, (height - 1) / 2, 0, 0, 0, 1, 0]
    roi = Object(x_offset=0, y_offset=0, width=0, height=0)
    return Object(**{**dict(width=width, height=height, k=k, p=p, d=list(d), binning_x=0,
                            binning_y=0, distortion_model=model, roi=roi), **fields})
