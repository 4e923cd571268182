"""What every node of the package gets from spin_node: exit codes, signals, a clean end."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest
from live_ros import fresh_domain, PATIENCE_S, ROOT

PREAMBLE = '''
import sys, threading, time
from effvit_ros.core.errors import UserError
from effvit_ros.ros.common.spin import spin_node, stop_requested
'''


def run(body, *arguments, signals=(), options=''):
    """Run a node command with this ``make_node``; signals follow its line ``ready``."""
    script = PREAMBLE + textwrap.dedent(body) + f'\nsys.exit(spin_node(make_node{options}))\n'
    process = subprocess.Popen(
        [sys.executable, '-c', script, *arguments], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=dict(os.environ, ROS_DOMAIN_ID=str(fresh_domain()), PYTHONPATH=str(ROOT)))
    try:
        if signals:
            assert process.stdout.readline() == 'ready\n', process.communicate()[1]
        for number in signals:
            process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    return process.returncode, out, err


PLAIN = '''
def make_node():
    from rclpy.node import Node
    node = Node('plain')
    node.create_timer(0.1, lambda: print('ready', flush=True))
    return node
'''


@pytest.mark.parametrize('options', ['', ', by_events=True'], ids=['plain', 'by events'])
@pytest.mark.parametrize('signals', [
    (signal.SIGINT,), (signal.SIGTERM,), (signal.SIGINT,) * 5, (signal.SIGTERM, signal.SIGINT)])
def test_signals_end_it_with_zero(signals, options):
    code, _, err = run(PLAIN, signals=signals, options=options)
    assert (code, err) == (0, '')


def test_a_rclpy_without_the_events_executor_spins_as_ever():
    code, _, err = run("sys.modules['rclpy.experimental'] = None\n" + PLAIN,
                       signals=(signal.SIGTERM,), options=', by_events=True')
    assert (code, err) == (0, '')


@pytest.mark.parametrize('body, line', [
    ("def make_node():\n    raise UserError('no such folder')", 'error: no such folder\n'),
    ('''
     def make_node():
         from rclpy.node import Node
         node = Node('late')
         def fail():
             raise UserError('the folder is gone')
         node.create_timer(0.01, fail)
         return node
     ''', 'error: the folder is gone\n'),
], ids=['while it is made', 'while it spins'])
def test_a_users_mistake_is_one_line_and_code_2(body, line):
    code, _, err = run(body)
    assert (code, err) == (2, line)


@pytest.mark.parametrize('arguments, code, text', [
    (['--help'], 0, 'usage: '),
    (['--frobnicate'], 2, 'unrecognized arguments: --frobnicate'),
    (['--ros-args', '-p', 'novalue'], 2, 'error: the ROS arguments cannot be read: '),
    (['--ros-args', '--params-file', '/no/such.yaml'], 2, "'--params-file /no/such.yaml'"),
])
def test_command_lines(arguments, code, text):
    found, out, err = run(PLAIN, *arguments)
    assert found == code
    assert text in out + err
    assert 'Traceback' not in err


def test_a_node_that_has_finished_ends_the_process():
    code, _, err = run('''
        def make_node():
            from rclpy.node import Node
            node = Node('short')
            node.create_timer(0.01, lambda: setattr(node, 'finished', True))
            return node
        ''')
    assert (code, err) == (0, '')


def test_a_long_wait_in_a_callback_can_be_interrupted():
    code, _, err = run('''
        def make_node():
            from rclpy.node import Node
            node = Node('waiting')
            def wait():
                print('ready', flush=True)
                while not stop_requested():
                    time.sleep(0.01)
            node.create_timer(0.01, wait)
            return node
        ''', signals=(signal.SIGINT, signal.SIGINT))
    assert (code, err) == (0, '')


def test_a_thread_that_never_returns_does_not_hold_the_process_back():
    code, _, err = run(
        PLAIN.replace('    return node', '    threading.Thread(target=threading.Event().wait, '
                      'daemon=True).start()\n    return node'), signals=(signal.SIGTERM,))
    assert (code, err) == (0, '')
