"""The GPU through pycuda: one context, one stream, page-locked buffers, all on one thread."""
from __future__ import annotations

import threading
from typing import Any, Iterable, List, NamedTuple

import numpy as np

from effvit_ros.core.runtime import RuntimeUnavailable

HOW_TO_INSTALL = ('on a Jetson: sudo apt install python3-dev, then with /usr/local/cuda/bin in '
                  'PATH: pip install pycuda; on a PC likewise with the CUDA toolkit')


class Gpu(NamedTuple):
    """What tells one kind of GPU from another; ``memory_mb`` is its whole memory."""

    name: str
    compute_capability: str
    memory_mb: int


class Buffer(NamedTuple):
    """
    Page-locked memory with its counterpart on the GPU.

    ``host`` is an array, ``address`` where the GPU's copy begins.
    """

    host: np.ndarray
    device: Any
    address: int


def first_gpu() -> Gpu:
    """
    Return the first :class:`Gpu` without making a context.

    :raises RuntimeUnavailable: pycuda, the driver or a GPU is missing.
    """
    device = _first_device(_driver())
    major, minor = device.compute_capability()
    return Gpu(device.name(), f'{major}.{minor}', device.total_memory() >> 20)


class Cuda:
    """
    The GPU's primary context, current on the thread that made this until :meth:`close`.

    Everything must happen on that thread; another one gets a RuntimeError instead of the
    driver's "invalid device context".
    """

    def __init__(self) -> None:
        """
        Make the context current and a stream in it.

        :raises RuntimeUnavailable: pycuda, the driver or a GPU is missing.
        """
        self._thread = threading.current_thread()
        self._driver = _driver()
        device = _first_device(self._driver)
        self._buffers: List[Buffer] = []
        self._context: Any = device.retain_primary_context()
        self._context.push()
        try:
            self._stream = self._driver.Stream()
        except BaseException:
            self._leave()
            raise

    @property
    def stream_handle(self) -> int:
        """Return the stream as the number that TensorRT takes."""
        return self._stream.handle

    def buffer(self, shape: Iterable[int], dtype: type) -> Buffer:
        """Return a new zeroed :class:`Buffer`, released by :meth:`close`."""
        self.require_own_thread()
        host = self._driver.pagelocked_empty(tuple(shape), dtype)
        try:
            device = self._driver.mem_alloc(host.nbytes)
        except BaseException:
            host.base.free()
            raise
        host.fill(0)
        self._buffers.append(Buffer(host, device, int(device)))
        return self._buffers[-1]

    def upload(self, buffer: Buffer) -> None:
        """Queue the copy of a buffer to the GPU."""
        self.require_own_thread()
        self._driver.memcpy_htod_async(buffer.device, buffer.host, self._stream)

    def download(self, buffer: Buffer) -> None:
        """Queue the copy of a buffer from the GPU; valid after :meth:`synchronize`."""
        self.require_own_thread()
        self._driver.memcpy_dtoh_async(buffer.host, buffer.device, self._stream)

    def synchronize(self) -> None:
        """Wait until everything that was queued is done."""
        self.require_own_thread()
        self._stream.synchronize()

    def event(self) -> Any:
        """Return an event with its time, recorded on the stream now."""
        self.require_own_thread()
        event = self._driver.Event()
        event.record(self._stream)
        return event

    def used_memory_mb(self) -> int:
        """Return the GPU memory in use by everybody, in MB."""
        self.require_own_thread()
        free, total = self._driver.mem_get_info()
        return (total - free) >> 20

    def close(self) -> None:
        """Release buffers, stream and context; a second call does nothing."""
        if self._context is None:
            return
        self.require_own_thread()
        try:
            for buffer in self._buffers:
                buffer.device.free()
                buffer.host.base.free()
        finally:  # after an error on the GPU every call fails
            self._buffers = []
            self._stream = None
            self._leave()

    def require_own_thread(self) -> None:
        """Raise RuntimeError on another thread than the context's, or after its end."""
        if threading.current_thread() is not self._thread:
            raise RuntimeError(
                f'CUDA context of thread {self._thread.name} used on thread '
                f'{threading.current_thread().name}: one thread makes, uses and closes it')
        if self._context is None:
            raise RuntimeError('CUDA context used after it was closed')

    def _leave(self) -> None:
        self._context.pop()
        self._context.detach()
        self._context = None


def _driver() -> Any:
    try:
        import pycuda.driver as driver
    except ImportError as error:
        raise RuntimeUnavailable(f'pycuda is not usable ({error}): {HOW_TO_INSTALL}') from None
    return driver


def _first_device(driver: Any) -> Any:
    try:
        driver.init()
        count = driver.Device.count()
    except driver.Error as error:
        raise RuntimeUnavailable(f'no NVIDIA GPU can be used ({error}): '
                                 'check the driver with nvidia-smi (PC) or tegrastats (Jetson)'
                                 ) from None
    if not count:
        raise RuntimeUnavailable('no NVIDIA GPU in this machine: use an openvino or '
                                 'onnxruntime runtime')
    return driver.Device(0)
