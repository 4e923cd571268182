"""
Where the camera's frames come from: one file for each kind of source.

Nothing in here needs ROS. A new kind is one file with a class that follows
:class:`~effvit_ros.ros.camera.sources.base.FrameSource` and one line in :func:`open_source`.
"""
from __future__ import annotations

from typing import Callable

from effvit_ros.core.errors import UserError
from effvit_ros.ros.camera.sources.base import FrameSource, SourceFrame
from effvit_ros.ros.camera.sources.shaping import Prerecorded, Resized

#: What the camera's parameter ``source`` may be.
KINDS = ('flight', 'folder', 'video', 'device')

__all__ = ['KINDS', 'FrameSource', 'SourceFrame', 'open_source']


def open_source(kind: str, path: str = '', labels_path: str = '', width: int = 0, height: int = 0,
                seed: int = 0, rate_hz: float = 0.0, loop: bool = True, prerecord: int = 0,
                say: Callable[[str], object] = print) -> FrameSource:
    """
    Open a source of frames.

    :param kind: one of :data:`KINDS`.
    :param path: the folder, the video file or the device; not used by the flight.
    :param labels_path: label pictures of a folder source, see
        :class:`~effvit_ros.ros.camera.sources.folder.FolderSource`.
    :param width: pixels, with ``height``; 0 leaves the source's own size (flight: 640x480).
    :param rate_hz: frames a second that will be read; 0 for the source's own rate.
    :param loop: start again at the end.
    :param prerecord: read this many frames beforehand and repeat them (0: read as needed).
    :param say: called with a line of text for what the user should know.
    :raises UserError: an unknown kind, a missing path, nothing readable there, a bad size.
    """
    if kind not in KINDS:
        raise UserError(f"source '{kind}' is unknown: give one of {', '.join(KINDS)}")
    if (width == 0) != (height == 0):
        raise UserError(f'the picture size {width}x{height} is incomplete: give width and height')
    if kind == 'flight':
        from effvit_ros.ros.camera.sources.flight import FlightSource
        source: FrameSource = FlightSource(seed, width or 640, height or 480, rate_hz or 30.0)
    elif not path:
        raise UserError(f"source '{kind}' needs a path: name the {_PATH_MEANS[kind]}")
    elif kind == 'folder':
        from effvit_ros.ros.camera.sources.folder import FolderSource
        source = FolderSource(path, labels_path, loop, say)
    elif kind == 'video':
        from effvit_ros.ros.camera.sources.video import VideoSource
        source = VideoSource(path, loop)
    else:
        from effvit_ros.ros.camera.sources.device import DeviceSource
        source = DeviceSource(path, width, height, rate_hz)
    if width and kind != 'flight':
        source = Resized(source, width, height)
    return Prerecorded(source, prerecord, loop) if prerecord else source


_PATH_MEANS = {'folder': 'folder of pictures', 'video': 'video file',
               'device': 'device, for example /dev/video0'}
