"""A process that takes part in the ROS network for a while, along with the nodes it started."""
from __future__ import annotations

import contextlib
import gc
from typing import Iterator

import rclpy
from rclpy.signals import SignalHandlerOptions


@contextlib.contextmanager
def participating() -> Iterator[None]:
    """Have rclpy ready, signals left alone; at the end the participant is gone without a trace."""
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    try:
        yield
    finally:
        rclpy.try_shutdown()
        # As in spin_node: reference cycles would keep the participant's shared memory.
        gc.collect()
