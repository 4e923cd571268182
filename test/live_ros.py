"""Real node processes on a domain of their own, and a participant to watch and steer them."""
from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'

import rclpy  # noqa: E402
from lifecycle_msgs.msg import Transition  # noqa: E402
from lifecycle_msgs.srv import ChangeState, GetState  # noqa: E402
from rcl_interfaces.srv import GetParameters, SetParameters  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.parameter import Parameter, parameter_value_to_python  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402

from effvit_ros.ros.common.codec import image_message  # noqa: E402

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
#: Seconds that anything may take: slow machines must pass.
PATIENCE_S = 60.0
#: Seconds without an answer after which a service is asked again.
ASK_AGAIN_S = 5.0
_SERIAL = itertools.count(os.getpid() * 13)


def fresh_domain():
    """Return a domain id that no other test of this run has."""
    return 1 + next(_SERIAL) % 100


class NodeProcess:
    """A node in its own process; the log is kept."""

    def __init__(self, module, domain, log, environment=None, **parameters):
        """
        Start ``python -m module`` with these ROS parameters.

        :param log: path of the file that output goes to.
        :param environment: variables to add.
        """
        command = [sys.executable, '-m', module, '--ros-args']
        for name, value in parameters.items():
            command += ['-p', f'{name}:={value}']
        environment = {**os.environ, 'ROS_DOMAIN_ID': str(domain),
                       'PYTHONPATH': f'{ROOT}:{HERE}', **(environment or {})}
        self._log = Path(log)
        with open(self._log, 'wb') as file:
            self.process = subprocess.Popen(
                command, env=environment, stdout=file, stderr=subprocess.STDOUT)

    @property
    def log(self):
        """Return what the process has written so far."""
        return self._log.read_text(errors='replace')

    def wait_for_handlers(self, timeout=PATIENCE_S):
        """Wait until the process handles SIGTERM itself, the first moment that is its own."""
        bit = 1 << (signal.SIGTERM - 1)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            status = Path(f'/proc/{self.process.pid}/status').read_text()
            caught = next(line for line in status.splitlines() if line.startswith('SigCgt'))
            if int(caught.split()[1], 16) & bit:
                return
            time.sleep(0.01)
        raise AssertionError(f'no signal handler after {timeout} s:\n{self.log}')

    def wait_for_log(self, text, timeout=PATIENCE_S):
        """Wait until ``text`` is in the log."""
        deadline = time.monotonic() + timeout
        while text not in self.log:
            assert time.monotonic() < deadline, f'no "{text}" after {timeout} s:\n{self.log}'
            assert self.process.poll() is None or text in self.log, self.log
            time.sleep(0.02)

    def end(self, *signals, timeout=PATIENCE_S):
        """Send the signals (default SIGINT) and return the exit code; killed if it hangs."""
        for number in signals or (signal.SIGINT,):
            if self.process.poll() is None:
                self.process.send_signal(number)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f'it did not end within {timeout} s:\n{self.log}') from None


class Probe:
    """A participant in the test's own process: publishes, listens, calls services."""

    def __init__(self, domain):
        """Join the domain."""
        self._context = rclpy.Context()
        rclpy.init(args=[], context=self._context, domain_id=domain)
        self.node = rclpy.create_node('probe', context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)

    def close(self):
        """Leave."""
        self._executor.shutdown()
        self.node.destroy_node()
        self._context.shutdown()

    def spin(self, seconds):
        """Handle what comes for so long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._executor.spin_once(timeout_sec=min(0.02, seconds))

    def until(self, condition, timeout=PATIENCE_S, what='the condition'):
        """Handle what comes until ``condition()`` is true and return its value."""
        deadline = time.monotonic() + timeout
        while True:
            value = condition()
            if value:
                return value
            assert time.monotonic() < deadline, f'{what} did not come true in {timeout} s'
            self._executor.spin_once(timeout_sec=0.02)

    def collect(self, message_type, topic, qos=10):
        """Subscribe; returns the list that messages are appended to and the subscription."""
        messages = []
        return messages, self.node.create_subscription(
            message_type, topic, messages.append, qos)

    def film(self, pixels, rate_hz=20.0):
        """
        Publish a picture on ``image`` again and again while the probe spins.

        :param pixels: (H, W, 3) uint8 RGB; stamps count seconds from 1.
        """
        publisher = self.node.create_publisher(Image, 'image', 1)
        frame = image_message(pixels, 'rgb8', Image().header)

        def show():
            frame.header.stamp.sec += 1
            publisher.publish(frame)
        self.node.create_timer(1 / rate_hz, show)

    def call(self, service_type, name, request, timeout=PATIENCE_S):
        """
        Call a service and return its response.

        DDS drops an answer where the server doesn't know the client yet, although the client
        knows the server: what does the same when it is asked twice is asked again.
        """
        client = self.node.create_client(service_type, name)
        asked = []

        def answered():
            if not asked or time.monotonic() > asked[-1][0] + ASK_AGAIN_S:
                asked.append((time.monotonic(), client.call_async(request)))
            return next((future for _, future in asked if future.done()), None)
        try:
            self.until(client.service_is_ready, timeout, f'service {name}')
            if service_type is ChangeState:  # which may be asked once
                self.spin(0.1)
                future = client.call_async(request)
                self.until(future.done, timeout, f'the answer of {name}')
                return future.result()
            return self.until(answered, timeout, f'the answer of {name}').result()
        finally:
            self.node.destroy_client(client)

    def state(self, node):
        """Return a lifecycle node's state's label."""
        return self.call(GetState, node + '/get_state', GetState.Request()).current_state.label

    def transition(self, node, name):
        """Ask for the transition ``configure``, ``activate``... and return its success."""
        number = getattr(Transition, 'TRANSITION_' + name.upper())
        request = ChangeState.Request(transition=Transition(id=number))
        return self.call(ChangeState, node + '/change_state', request).success

    def set_parameter(self, node, name, value):
        """Set one parameter; returns the result with ``successful`` and ``reason``."""
        request = SetParameters.Request(
            parameters=[Parameter(name, value=value).to_parameter_msg()])
        return self.call(SetParameters, node + '/set_parameters', request).results[0]

    def get_parameter(self, node, name):
        """Return a parameter's value."""
        response = self.call(
            GetParameters, node + '/get_parameters', GetParameters.Request(names=[name]))
        return parameter_value_to_python(response.values[0])
