"""H.264 and H.265 as topics carry them, a packet a message: packets in order, pictures out."""
from __future__ import annotations

import re
from typing import Any

from effvit_ros.core.errors import UserError
from effvit_ros.core.pixels import Picture, PictureError

#: What messages call a codec, in lower case -> its decoder.
_CODECS = {'h264': 'h264', 'libx264': 'h264', 'avc': 'h264', 'h264_nvenc': 'h264',
           'h264_vaapi': 'h264', 'h264_nvmpi': 'h264', 'h264_v4l2m2m': 'h264',
           'h265': 'hevc', 'hevc': 'hevc', 'libx265': 'hevc', 'hevc_nvenc': 'hevc',
           'hevc_vaapi': 'hevc'}
_START = re.compile(b'\x00\x00\x01(.)', re.DOTALL)
_NO_KEY = ('it builds on a key frame that is not there: pictures come from the next one on '
           '(set a shorter key frame interval, such as one a second, in the encoder)')


class VideoDecoder:
    """
    Decodes the packets of one topic; each builds on those before, so all must come, in order.

    Encoders must make no B frames, as foxglove_msgs/CompressedVideo asks: a packet then is a
    picture.
    """

    def __init__(self) -> None:
        """
        Start before the first key frame.

        :raises UserError: PyAV is not installed.
        """
        try:
            import av
        except ImportError:
            raise UserError("video topics need PyAV: pip install av (or 'effvit_ros[video]')"
                            ) from None
        self._av = av
        self._codec: Any = None
        self._name = ''
        self._has_key = False

    def lost(self) -> None:
        """Note that a packet is missing: nothing can be decoded before the next key frame."""
        self._has_key = False

    def decode(self, data: bytes, codec: str) -> Picture:
        """
        Return the packet's :class:`~effvit_ros.core.pixels.Picture`, BGR.

        :param codec: as the message says: ``h264``, ``libx264``, ``hevc`` and so on; what stands
            behind a semicolon is left out.
        :raises PictureError: another codec, no key frame before it, or no picture in it.
        """
        name = _CODECS.get(codec.split(';')[0].strip().lower())
        if name is None:
            raise PictureError('encoding', f"video of codec '{codec}' is not supported: "
                                           'give h264 or h265')
        data = bytes(data)
        is_key = _is_key(data, name)
        if name != self._name or (is_key and not self._has_key):
            self._open(name)
            self._has_key = is_key
        if not self._has_key:
            raise PictureError('data', _NO_KEY)
        try:
            frames = self._codec.decode(self._av.Packet(data))
        except self._av.FFmpegError as error:
            self.lost()
            raise PictureError('data', f'the packet of {len(data)} bytes is no {name}: '
                                       f'{error.strerror}') from None
        if not frames:
            self.lost()
            raise PictureError('data', f'the packet of {len(data)} bytes holds no whole picture '
                                       '(encoders must make no B frames)')
        if frames[0].is_corrupt:
            self.lost()
            raise PictureError('data', _NO_KEY)
        return Picture(frames[0].to_ndarray(format='bgr24'), 'bgr')

    def _open(self, name: str) -> None:
        """Begin anew, so that no picture waits for others to be shown before it."""
        self._codec, self._name = self._av.CodecContext.create(name, 'r'), name
        self._codec.thread_count = 1
        self._codec.flags |= self._av.codec.context.Flags.low_delay


def _is_key(data: bytes, codec: str) -> bool:
    """Return whether a packet in Annex B form can be decoded without any other."""
    for match in _START.finditer(data):
        unit = match.group(1)[0]
        if codec == 'h264' and unit & 31 == 5:
            return True
        if codec == 'hevc' and 16 <= unit >> 1 & 63 <= 21:
            return True
    return False
