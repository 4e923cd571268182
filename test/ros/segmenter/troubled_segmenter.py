"""
The real segmenter node on ONNX Runtime, whose inference gets stuck when it is told to.

Environment: ``STUCK_AT`` are the numbers, counted from 1 over all sessions of the process and
separated by commas, of the inferences that do not return before the file ``RELEASE`` exists;
``STUCK_FROM`` is the number from which on none does. Session numbers in ``NO_SESSION`` cannot
be opened; later ones than the first take ``LOAD_S`` seconds for it. Every opening and closing
of a session is printed. ``SYSFS`` stands in for /sys.
"""
from __future__ import annotations

import itertools
import os
import sys
import time
from pathlib import Path

from effvit_ros.core.runtimes.onnxruntime_cpu import OnnxRuntimeRuntime
from effvit_ros.ros.segmenter import admission
from effvit_ros.ros.segmenter.main import main

open_session, infer, close = (
    OnnxRuntimeRuntime.__init__, OnnxRuntimeRuntime.infer, OnnxRuntimeRuntime.close)
inferences, sessions = itertools.count(1), itertools.count(1)
stuck_from = int(os.environ.get('STUCK_FROM', sys.maxsize))


def numbers(name):
    return [int(number) for number in os.environ.get(name, '').split(',') if number]


def troubled_open(self, bundle, threads=0):
    number = next(sessions)
    if number in numbers('NO_SESSION'):
        raise RuntimeError('the device is lost')
    if number > 1:
        time.sleep(float(os.environ.get('LOAD_S', 0)))
    open_session(self, bundle, threads)
    print(f'session {number} opened', flush=True)


def troubled_infer(self):
    number = next(inferences)
    if number >= stuck_from or number in numbers('STUCK_AT'):
        print(f'inference {number} is stuck', flush=True)
        while not Path(os.environ.get('RELEASE', '/none')).exists():
            time.sleep(0.05)
    return infer(self)


def troubled_close(self):
    print('session closed', flush=True)
    close(self)


OnnxRuntimeRuntime.__init__ = troubled_open
OnnxRuntimeRuntime.infer = troubled_infer
OnnxRuntimeRuntime.close = troubled_close
if 'SYSFS' in os.environ:
    machine = admission.ThermalMonitor
    admission.ThermalMonitor = lambda: machine(os.environ['SYSFS'])

if __name__ == '__main__':
    sys.exit(main())
