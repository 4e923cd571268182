"""
A GPU that is none: memory, contexts and streams, strict about order, thread and size.

Work is queued and happens only when its stream is synchronised, so that whoever reads earlier
reads poison. Misuse raises and is also kept in ``violations``: code that swallows the
exception does not get away with it. What a test wants otherwise is set in the environment,
which reaches child processes too.
"""
from __future__ import annotations

import itertools
import os
import sys
import threading

import numpy as np

#: What memory holds that was never written, or not yet.
POISON = 0xEE

violations = []
#: Kind -> set of what lives.
alive = {'context': set(), 'stream': set(), 'device memory': set(), 'pinned memory': set(),
         'runtime': set(), 'engine': set(), 'execution context': set()}
_stacks = threading.local()
_addresses = itertools.count(0x7000_0000_0000, 0x1000_0000)
_handles = itertools.count(0x5500_0000, 0x10)
_memory = {}
_pinned = {}
_streams = {}


class Misuse(Exception):
    """What crashes, hangs or quietly gives rubbish on a real GPU."""


def note(complaint):
    """Keep a misuse, and print it for the log of a child process."""
    violations.append(complaint)
    print(f'MISUSE of the GPU: {complaint}', file=sys.stderr, flush=True)


def require(condition, complaint):
    """Note and raise a misuse unless ``condition`` holds."""
    if not condition:
        note(complaint)
        raise Misuse(complaint)


def stack():
    """Return this thread's stack of contexts."""
    if not hasattr(_stacks, 'contexts'):
        _stacks.contexts = []
    return _stacks.contexts


def require_context(what):
    """Complain unless a context is current on this thread; returns it."""
    require(stack(), f'{what} without a CUDA context on thread '
                     f'{threading.current_thread().name}')
    return stack()[-1]


def leaks():
    """Return one phrase for each kind of thing that still lives."""
    return [f'{len(things)} {kind}' for kind, things in alive.items() if things]


def setting(name, default):
    """Return what the test wants, such as ``STAND_IN_GPU``."""
    return os.environ.get('STAND_IN_' + name, default)


class Context:
    """A primary context that was retained."""

    def __init__(self):
        self._detached = False
        alive['context'].add(self)

    def push(self):
        """Make it current on this thread."""
        require(not self._detached, 'a released context was made current')
        stack().append(self)

    @staticmethod
    def pop():
        """Make the one below current on this thread."""
        require_context('pop')
        stack().pop()

    def detach(self):
        """Release it: the last thing that may happen in it."""
        require(not self._detached, 'a context was released twice')
        require(self not in stack(), 'a context was released while it was current')
        left = [kind for kind in alive if kind != 'context' and alive[kind]]
        require(not left, f'a context was released while {", ".join(left)} lived in it')
        self._detached = True
        alive['context'].discard(self)


class Stream:
    """Work in order, done when it is synchronised."""

    def __init__(self):
        require_context('a stream was made')
        self.handle = next(_handles)
        self.queue = []
        _streams[self.handle] = self.queue
        alive['stream'].add(self.handle)

    def synchronize(self):
        """Do what was queued."""
        require_context('a stream was synchronised')
        while self.queue:
            self.queue.pop(0)()

    def __del__(self):
        """Complain of work that nobody waited for."""
        if self.queue:
            note(f'a stream was destroyed with {len(self.queue)} pieces of work')
        if not stack():
            note('a stream was destroyed without its CUDA context')
        alive['stream'].discard(self.handle)
        _streams.pop(self.handle, None)


def queue_of(handle):
    """Return the queue of a stream's handle."""
    require(handle in _streams, f'{handle} is no stream')
    return _streams[handle]


class DeviceMemory:
    """Memory on the GPU; its address is ``int()`` of it."""

    def __init__(self, size):
        require_context('device memory was allocated')
        self._address = next(_addresses)
        _memory[self._address] = np.full(size, POISON, np.uint8)
        alive['device memory'].add(self._address)

    def __int__(self):
        """Return the address."""
        return self._address

    def free(self):
        """Release it."""
        require_context('device memory was freed')
        require(self._address in _memory, 'device memory was freed twice')
        del _memory[self._address]
        alive['device memory'].discard(self._address)


def device_bytes(address, size, what):
    """Return ``size`` bytes of device memory as an array that can be written."""
    require(address in _memory, f'{what}: {address:#x} is no address of live device memory')
    memory = _memory[address]
    require(len(memory) >= size, f'{what}: buffer of {len(memory)} bytes for {size}')
    return memory[:size]


class PinnedMemory:
    """Page-locked memory; the ``base`` of its array."""

    def __init__(self, shape, dtype):
        require_context('pinned memory was allocated')
        size = int(np.prod(shape)) * dtype.itemsize
        self._bytes = np.full(size, POISON, np.uint8)
        self.start = self._bytes.ctypes.data
        self.__array_interface__ = {
            'version': 3, 'shape': tuple(shape), 'typestr': dtype.str, 'data': (self.start, False)}
        _pinned[self.start] = size
        alive['pinned memory'].add(self.start)

    def free(self):
        """Release it; its array shows poison from now on."""
        require_context('pinned memory was freed')
        require(self.start in _pinned, 'pinned memory was freed twice')
        self._bytes.fill(POISON)
        del _pinned[self.start]
        alive['pinned memory'].discard(self.start)


def require_pinned(array, what):
    """Complain unless the whole array lies in live page-locked memory."""
    start = array.ctypes.data
    inside = any(base <= start and start + array.nbytes <= base + size
                 for base, size in _pinned.items())
    require(inside, f'{what}: asynchronous copy of memory that is not page-locked')
