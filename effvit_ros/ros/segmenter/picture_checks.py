"""What a picture tells about its camera: the bits it fills, the size that camera_info claims."""
from __future__ import annotations

from typing import List, Optional, Tuple, Union

from rclpy.impl.rcutils_logger import RcutilsLogger
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from effvit_ros.core.bit_depth import BitDepth
from effvit_ros.core.pixels import Picture
from effvit_ros.ros.common.codec import picture_from
from effvit_ros.ros.common.parameters import Parameters
from effvit_ros.ros.health.health import Health
from effvit_ros.ros.health.level import WARN


class PictureChecks:
    """Reads the pictures of one camera; used on the inference thread."""

    def __init__(self, settings: Parameters, health: Health, logger: RcutilsLogger) -> None:
        """Take the parameter ``bit_depth`` at each picture; say once what is odd."""
        self._settings = settings
        self._health = health
        self._log = logger
        self._given = 0
        self._depth = BitDepth()
        self._told: Optional[int] = None
        self._contradiction = ''

    def read(self, message: Union[Image, CompressedImage]) -> Picture:
        """
        Return the :class:`~effvit_ros.core.pixels.Picture` in a message.

        :raises PictureError: it can't be read.
        """
        given = self._settings['bit_depth']
        if given != self._given:
            self._given, self._depth = given, BitDepth(given)
        picture = picture_from(message, self._depth)
        if self._depth.guess != self._told:
            self._told = self._depth.guess
            if self._told:
                self._log.warning(
                    f'no value of the camera needs more than {self._told} of 16 bits: taken as '
                    f'{self._told} bits; set bit_depth where that is wrong')
            self._health.set_facts(
                bit_depth=f'{self._told}, by its values' if self._told else None)
        return picture

    def fits(self, camera_info: Optional[CameraInfo], picture: Picture) -> bool:
        """Return whether ``camera_info`` can be that of the picture; False where there is none."""
        if camera_info is None:
            return False
        height, width = picture.pixels.shape[:2]
        claimed = sizes_of(camera_info)
        if (width, height) in claimed or (0, 0) in claimed:
            if self._contradiction:
                self._health.clear_finding('camera_info')
                self._contradiction = ''
            return True
        said = ' or '.join(f'{w}x{h}' for w, h in claimed)
        contradiction = (f'camera_info is of {said}, the picture of {width}x{height}: not '
                         'published again; correct the calibration or its topic')
        if contradiction != self._contradiction:
            self._contradiction = contradiction
            self._health.set_finding('camera_info', WARN, contradiction)
            self._log.warning(contradiction)
        return False


def sizes_of(camera_info: CameraInfo) -> List[Tuple[int, int]]:
    """
    Return the (width, height) that a picture with this camera_info may have.

    The calibration's own, or that of its region of interest, each reduced by its binning.
    """
    roi = camera_info.roi
    sizes = [(camera_info.width, camera_info.height)]
    if roi.width and roi.height:
        sizes.append((roi.width, roi.height))
    return [(width // max(1, camera_info.binning_x), height // max(1, camera_info.binning_y))
            for width, height in sizes]
