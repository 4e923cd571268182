"""
Start, signals and a clean end: every node of the package is run by :func:`spin_node`.

Plain ``rclpy.spin()`` may hang on SIGTERM and dies of the doubled SIGINT that ``ros2 launch``
sends. Here rclpy installs no handlers; ours only set a flag that the loop looks at.
"""
from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
import threading
from types import FrameType
from typing import Callable, List, Optional, Sequence, TYPE_CHECKING

from effvit_ros.core.errors import UserError
from effvit_ros.core.missing import import_problem
from effvit_ros.ros.common.given_parameters import unused_parameters

if TYPE_CHECKING:
    from rclpy.executors import Executor
    from rclpy.node import Node

#: Seconds between two looks at the flag where nothing else wakes the executor.
_PERIOD_S = 0.25
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_EPILOG = ('Parameters, remappings and the namespace are given in the ROS way: '
           '--ros-args -p NAME:=VALUE -r FROM:=TO -r __ns:=/NAMESPACE --params-file FILE')


class _Stop:
    """A plain flag: setting it from a signal handler takes no lock."""

    requested = False


def stop_requested() -> bool:
    """Return whether this process was asked to end: long waits in callbacks look at it."""
    return _Stop.requested


def spin_node(make_node: Callable[[], Node], args: Optional[Sequence[str]] = None,
              description: Optional[str] = None, by_events: bool = False) -> int:
    """
    Run one node until SIGINT, SIGTERM or its own end, and return the exit code.

    Signals are in hand before ``make_node`` is called, so that a command whose module imports
    little and whose ``make_node`` imports the rest can be interrupted at any time. They stay
    ignored afterwards: the process is on its way out.

    :param make_node: called without arguments after ``rclpy.init``; returns the node. Its
        ``destroy_node()`` must release what it holds. A node with an attribute ``finished``
        that becomes true ends the process, with its attribute ``exit_code`` if it has one. Its
        method ``unused_parameters``, if it has one, is told what was given and is not used.
    :param args: the command line without the program's name; None takes ``sys.argv``.
    :param description: what ``--help`` says.
    :param by_events: for a node on whose CPU time much depends: spin by rclpy's events executor
        where it has one. It knows no callback groups and logs what a callback raises, so nothing
        that is meant for the user may be raised there.
    :returns: 0 after a signal; the node's ``exit_code``, or 0, after its own end; 2 after a
        :class:`UserError`, a missing library or a command line that can't be read, with one
        line on stderr.
    """
    for number in _SIGNALS:
        signal.signal(number, _request_stop)
    _Stop.requested = False
    argv = list(sys.argv[1:] if args is None else args)
    try:
        code = _run(make_node, argv, description, by_events)
    except UserError as error:
        print(f'error: {error}', file=sys.stderr)
        code = 2
    except ImportError as error:
        problem = import_problem(error)
        if problem is None:
            raise
        print(f'error: {problem}', file=sys.stderr)
        code = 2
    # Nodes are full of reference cycles; left to the interpreter's end, the DDS participant
    # would never be deleted and its shared memory stay behind, 64 MB each time.
    gc.collect()
    if any(t.daemon and t.is_alive() for t in threading.enumerate()):
        # Inside a library (a graph being compiled) that can't be interrupted: a normal exit
        # would pull the interpreter away under it.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _request_stop(_number: int, _frame: Optional[FrameType]) -> None:
    _Stop.requested = True


def _run(make_node: Callable[[], Node], argv: List[str], description: Optional[str],
         by_events: bool) -> int:
    parser = argparse.ArgumentParser(description=description, epilog=_EPILOG)
    if {'-h', '--help'} & set(argv):  # also where ROS is missing
        parser.print_help()
        return 0
    import rclpy
    from rclpy.executors import ExternalShutdownException
    from rclpy.signals import SignalHandlerOptions
    from rclpy.utilities import remove_ros_args

    program = os.path.basename(sys.argv[0])
    try:
        plain = remove_ros_args([program] + argv)[1:]
        rclpy.init(args=[program] + argv, signal_handler_options=SignalHandlerOptions.NO)
    except Exception as error:  # rclpy's own types differ from release to release
        raise UserError(f'the ROS arguments cannot be read: {_first_line(error)}') from None
    node = executor = None
    try:
        parser.parse_args(plain)
        node = _make(make_node)
        _tell_unused(node, argv)
        executor = _make_executor(by_events)
        executor.add_node(node)
        while not _Stop.requested and rclpy.ok() and not getattr(node, 'finished', False):
            executor.spin_once(timeout_sec=_PERIOD_S)
    except ExternalShutdownException:
        pass
    except SystemExit as end:  # argparse: an unknown argument
        return int(end.code or 0)
    finally:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        _clean_up(executor, node, failed=sys.exc_info()[1] is not None)
    return getattr(node, 'exit_code', 0)


def _make_executor(by_events: bool) -> Executor:
    if by_events:
        try:  # rclpy 7.1.4 (jazzy, April 2025) and later; it is marked as experimental
            from rclpy.experimental import EventsExecutor
            return EventsExecutor()
        except ImportError:
            pass
    from rclpy.executors import SingleThreadedExecutor
    return SingleThreadedExecutor()


def _clean_up(executor: Optional[Executor], node: Optional[Node], failed: bool) -> None:
    """Release everything; after a failure, that one is told and none that follows from it."""
    import rclpy
    try:
        if executor is not None:
            executor.shutdown()
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    except Exception:
        if not failed:
            raise


def _tell_unused(node: Node, argv: List[str]) -> None:
    unused = unused_parameters(argv, node.get_fully_qualified_name(), node.has_parameter)
    if unused:
        node.get_logger().warning(unused)
        getattr(node, 'unused_parameters', lambda line: None)(unused)


def _make(make_node: Callable[[], Node]) -> Node:
    """Return the node; what the middleware refuses, such as missing security, is one line."""
    from rclpy.impl.implementation_singleton import rclpy_implementation
    try:
        return make_node()
    except rclpy_implementation.RCLError as error:
        raise UserError(f'the node cannot be started: {_first_line(error)}') from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
