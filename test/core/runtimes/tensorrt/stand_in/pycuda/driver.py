"""The surface of pycuda.driver that the runtime uses, with its names and forms of call."""
from __future__ import annotations

import numpy as np
import simulated_gpu as gpu

Context, Stream = gpu.Context, gpu.Stream
_initialised = False


class Error(Exception):
    """Base of the driver's errors."""


class LogicError(Error):
    """A wrong call."""


class MemoryError(Error):
    """No memory left on the GPU."""


class Device:
    """One GPU."""

    def __init__(self, ordinal):
        gpu.require(_initialised, 'a device was opened before init()')
        gpu.require(ordinal < Device.count(), f'there is no device {ordinal}')

    @staticmethod
    def count():
        """Return how many there are."""
        return int(gpu.setting('GPUS', '1'))

    def name(self):
        """Return its name."""
        return gpu.setting('GPU', 'Orin')

    def compute_capability(self):
        """Return (major, minor)."""
        return tuple(int(n) for n in gpu.setting('COMPUTE_CAPABILITY', '8.7').split('.'))

    def total_memory(self):
        """Return its memory in bytes."""
        return int(gpu.setting('GPU_MB', '4000')) << 20

    def retain_primary_context(self):
        """Return the primary context, not current yet."""
        return Context()


class Event:
    """A moment on a stream."""

    def record(self, stream):
        """Take the moment."""
        gpu.require_context('an event was recorded')

    def synchronize(self):
        """Wait for it."""

    def time_till(self, later):
        """Return milliseconds."""
        return 1.0


def init():
    """Begin."""
    global _initialised
    if gpu.setting('DRIVER', 'yes') == 'no':
        raise LogicError('cuInit failed: no CUDA-capable device is detected')
    _initialised = True


def mem_get_info():
    """Return (free, total) bytes."""
    gpu.require_context('mem_get_info')
    total = int(gpu.setting('GPU_MB', '4000')) << 20
    return total // 2, total


def pagelocked_empty(shape, dtype, order='C', mem_flags=0):
    """Return an array whose base is page-locked memory."""
    return np.asarray(gpu.PinnedMemory(shape, np.dtype(dtype)))


def mem_alloc(size):
    """Return memory on the GPU."""
    if size > int(gpu.setting('GPU_MB', '4000')) << 20:
        raise MemoryError('cuMemAlloc failed: out of memory')
    return gpu.DeviceMemory(size)


def memcpy_htod_async(dest, src, stream=None):
    """Queue a copy to the GPU."""
    gpu.require_context('memcpy_htod_async')
    gpu.require(isinstance(stream, Stream), 'memcpy_htod_async without a stream')
    gpu.require_pinned(src, 'memcpy_htod_async')
    target = gpu.device_bytes(int(dest), src.nbytes, 'memcpy_htod_async')
    stream.queue.append(lambda: np.copyto(target, np.asarray(src).reshape(-1).view(np.uint8)))


def memcpy_dtoh_async(dest, src, stream=None):
    """Queue a copy from the GPU; until it is done ``dest`` holds poison."""
    gpu.require_context('memcpy_dtoh_async')
    gpu.require(isinstance(stream, Stream), 'memcpy_dtoh_async without a stream')
    gpu.require_pinned(dest, 'memcpy_dtoh_async')
    source = gpu.device_bytes(int(src), dest.nbytes, 'memcpy_dtoh_async')
    target = np.asarray(dest).reshape(-1).view(np.uint8)
    target.fill(gpu.POISON)
    stream.queue.append(lambda: np.copyto(target, source))
