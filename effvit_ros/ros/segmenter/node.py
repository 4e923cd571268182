"""The segmenter as a lifecycle node: wiring of parameters, topics, worker and health."""
from __future__ import annotations

import functools
import time
import traceback
from dataclasses import replace
from typing import Callable, Union

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, State, TransitionCallbackReturn
from sensor_msgs.msg import CompressedImage, Image

from effvit_ros.core import topics
from effvit_ros.core.errors import UserError
from effvit_ros.core.pixels import PictureError
from effvit_ros.ros.common.parameters import Parameters
from effvit_ros.ros.common.sd_notify import ServiceManager
from effvit_ros.ros.common.spin import stop_requested
from effvit_ros.ros.health.clock import ClockWatch
from effvit_ros.ros.health.health import diagnostics_message, Health
from effvit_ros.ros.health.level import Limits, WARN
from effvit_ros.ros.health.machine import MachineHealth, MachineLimits
from effvit_ros.ros.segmenter.admission import Admission, target_rate
from effvit_ros.ros.segmenter.inference import Inference, InferenceStuck
from effvit_ros.ros.segmenter.input import ImageInput
from effvit_ros.ros.segmenter.outputs import Outputs
from effvit_ros.ros.segmenter.parameters import SEGMENTER_PARAMETERS
from effvit_ros.ros.segmenter.pipeline import Frame

#: Seconds between two messages on /diagnostics, and between two steps of the governor.
DIAGNOSTICS_PERIOD_S = 1.0
#: Seconds between two tellings of what explains the results.
REPEAT_PERIOD_S = 10.0
#: Seconds between two looks at the inference thread and at the image topic's publishers. Few
#: timers that wake seldom: each time that rclpy's executor wakes takes about a millisecond.
LOOK_PERIOD_S = 0.5
#: Seconds that a frame in work or a library call may take before it is left behind.
PATIENCE_S = 3.0
#: Seconds between two log lines about bad frames.
LOG_PERIOD_S = 5.0
#: Seconds that the last word before the process ends may take to reach those who listen.
_FAREWELL_S = 1.0

Transition = Callable[['SegmenterNode', State], TransitionCallbackReturn]

#: Exit code when inference is stuck and only a new process helps; sysexits.h's EX_TEMPFAIL.
EXIT_INFERENCE_STUCK = 75

SUCCESS, FAILURE, ERROR = (
    TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE,
    TransitionCallbackReturn.ERROR)


def _transition(callback: Transition) -> Transition:
    """Log what a transition raises (rclpy would swallow it) and fail the transition."""
    @functools.wraps(callback)
    def wrapped(self: SegmenterNode, state: State) -> TransitionCallbackReturn:
        try:
            return callback(self, state)
        except Exception as error:
            return self._fail(error)
    return wrapped


class SegmenterNode(LifecycleNode):
    """
    Segments the newest frame of a camera topic.

    unconfigured -> inactive loads the model, inactive -> active subscribes to the camera.
    The executor's thread only takes messages in; all work on pictures is the worker's.
    """

    def __init__(self) -> None:
        """Declare the parameters and, with ``autostart``, arrange to become active."""
        super().__init__(topics.NODE)
        self._state = 'unconfigured'
        self._health = Health()
        self._machine = MachineHealth()
        self._clock_watch = ClockWatch(
            self.get_clock(),  # type: ignore[arg-type]  # a node's is a ROSClock
            lambda: self._health.jumped(self._now()))
        # The first two of a configured node, the third of an active one; else None.
        self._inference: Inference = None  # type: ignore[assignment]
        self._outputs: Outputs = None  # type: ignore[assignment]
        self._input: ImageInput = None  # type: ignore[assignment]
        self._silence_reported = False
        self._misfit = ''
        self._unused_parameters = ''
        #: With ``exit_code``, read by :func:`~effvit_ros.ros.common.spin.spin_node`.
        self.finished, self.exit_code = False, 0
        self._settings = Parameters(self, SEGMENTER_PARAMETERS, lambda: self._state)
        self._service = ServiceManager()
        self._admission = Admission(self._settings, self._health, self.get_logger())
        self._diagnostics = self.create_publisher(DiagnosticArray, topics.DIAGNOSTICS, 10)
        # By the steady clock: a simulation that stands still is no reason to fall silent.
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(DIAGNOSTICS_PERIOD_S, self._each_second, clock=self._steady)
        self.create_timer(REPEAT_PERIOD_S, self._explain_again, clock=self._steady)
        self.create_timer(LOOK_PERIOD_S, self._look, clock=self._steady)
        if self._settings['autostart']:
            self._starter = self.create_timer(0.0, self._autostart, clock=self._steady)

    def destroy_node(self) -> None:
        """Release the model and the topics."""
        self._release()
        self._clock_watch.close()
        super().destroy_node()

    def unused_parameters(self, line: str) -> None:
        """Warn of parameters that were given and are not used, as long as the node lives."""
        self._unused_parameters = line

    @_transition
    def on_configure(self, state: State) -> TransitionCallbackReturn:
        """Create the result topics and load the model on the inference thread."""
        if self._unused_parameters:
            self._health.set_finding('parameters', WARN, self._unused_parameters)
        self._outputs = Outputs(self)
        self._inference = Inference(
            self, self._settings, self._health, self._outputs, self._on_frame_error)
        self._wait_for_model()
        self._enter('inactive')
        return SUCCESS

    @_transition
    def on_activate(self, state: State) -> TransitionCallbackReturn:
        """Subscribe to the camera."""
        self._input = ImageInput(
            self, self._settings['image_transport'], self._settings['image_reliability'],
            self._on_image, self._warn_of_input)
        self._health.set_facts(image_topic=self._input.topic)
        self._silence_reported, self._misfit = False, ''
        self._admission.reset()
        self._enter('active')
        self.get_logger().info(f'segmenting {self._input.topic}')
        return SUCCESS

    @_transition
    def on_deactivate(self, state: State) -> TransitionCallbackReturn:
        """Unsubscribe; the frame in work is finished, a waiting one discarded."""
        if self.exit_code:
            return ERROR
        self._unsubscribe()
        self._enter('inactive')
        return SUCCESS

    @_transition
    def on_cleanup(self, state: State) -> TransitionCallbackReturn:
        """Release the model and the result topics."""
        if self.exit_code:
            return ERROR
        self._release()
        self._enter('unconfigured')
        return SUCCESS

    @_transition
    def on_shutdown(self, state: State) -> TransitionCallbackReturn:
        """Release everything, from any state."""
        self._release()
        self._enter('finalized')
        return SUCCESS

    def on_error(self, state: State) -> TransitionCallbackReturn:
        """Release everything and return to unconfigured; without inference, to finalized."""
        self._release()
        self._state = 'finalized' if self.exit_code else 'unconfigured'
        return FAILURE if self.exit_code else SUCCESS

    def _autostart(self) -> None:
        self._starter.cancel()
        if self._state == 'unconfigured' and self.trigger_configure() == SUCCESS:
            self.trigger_activate()

    def _enter(self, state: str) -> None:
        self._state = state
        self._health.enter(state, self._now())

    def _fail(self, error: Exception) -> TransitionCallbackReturn:
        """Undo a failed transition, say why, and return its result."""
        configuring = self._state == 'unconfigured'
        self._release()
        self._state = 'unconfigured'
        if isinstance(error, UserError):
            # Of configuring, failure leads back to unconfigured; of activating, an error does.
            reason, result = str(error), FAILURE if configuring else ERROR
        else:
            reason, result = f'{type(error).__name__}: {error}', ERROR
            self.get_logger().error(''.join(traceback.format_exception(
                type(error), error, error.__traceback__)))
        self.get_logger().error(reason)
        self._health.enter('unconfigured', self._now())
        self._health.transition_failed(reason)
        return result

    def _wait_for_model(self) -> None:
        """Wait for the model, whose engine may be built for minutes; look out meanwhile."""
        self._health.enter('configuring', self._now())
        told = time.monotonic()
        while not self._inference.wait_loaded(0.1):
            self._service.alive(time.monotonic())
            if stop_requested():
                raise UserError('asked to end while the model was loading')
            if time.monotonic() - told >= DIAGNOSTICS_PERIOD_S:
                told = time.monotonic()
                self._publish_diagnostics()

    def _look(self) -> None:
        self._look_after_inference()
        if self._input is not None:
            self._watch_input()

    def _each_second(self) -> None:
        self._govern()
        self._publish_diagnostics()

    def _look_after_inference(self) -> None:
        # The first look comes after what autostart does, which is the end of the start.
        self._service.ready()
        inference = self._inference
        if inference is not None:
            try:
                inference.look_after()
            except InferenceStuck as error:
                self._give_up(str(error))
                return
            if not self._settings['watchdog_timeout'] and (
                    inference.frames.in_work_for() > self._service.watchdog_s):
                return  # the service manager's watchdog is the one that acts
        self._service.alive(time.monotonic())

    def _govern(self) -> None:
        if self._state == 'active':
            self._admission.look(self._inference.loading)

    def _explain_again(self) -> None:
        if self._outputs is not None:
            self._outputs.repeat()

    def _give_up(self, reason: str) -> None:
        """Go through errorprocessing to finalized and end the process, for a new one to start."""
        self.get_logger().fatal(f'{reason}; ending with exit code {EXIT_INFERENCE_STUCK}')
        self.exit_code = EXIT_INFERENCE_STUCK
        (self.trigger_deactivate if self._state == 'active' else self.trigger_cleanup)()
        self._health.enter(self._state, self._now())
        self._health.transition_failed(reason)
        self._publish_diagnostics()
        self._diagnostics.wait_for_all_acked(Duration(seconds=_FAREWELL_S))
        self.finished = True

    def _unsubscribe(self) -> bool:
        """Return whether no frame is in work any more."""
        if self._input is None:
            return True
        self._input.close()
        self._input = None  # type: ignore[assignment]
        self._health.set_facts(image_topic=None, image_input=None)
        drained = self._inference.frames.drain(0.0 if self.exit_code else PATIENCE_S)
        self._admission.reset()
        self._outputs.alerts.reset()
        return drained

    def _release(self) -> None:
        patience = PATIENCE_S if self._unsubscribe() else 0.0
        if self._inference is not None and not self._inference.stop(patience):
            self.get_logger().warning('the inference thread is still busy: left behind')
        if self._outputs is not None:
            self._outputs.close()
        self._inference = self._outputs = None  # type: ignore[assignment]

    def _on_image(self, message: Union[Image, CompressedImage]) -> None:
        if self._input is None:
            return  # it had waited in the events executor's queue when this was unsubscribed
        arrived = time.monotonic()
        self._health.frame_received(self._now())
        if not self._admission.admits(arrived):
            self._health.frame_skipped('over_rate')
        elif self._inference.frames.put(Frame(message, arrived, self._input.camera_info())):
            self._health.frame_skipped('dropped')
            self._admission.displaced()

    def _on_frame_error(self, error: Exception) -> None:
        """Count what went wrong with one frame; called in the worker."""
        if isinstance(error, PictureError):
            kind, reason = error.kind, str(error)
        else:
            kind, reason = 'inference', f'{type(error).__name__}: {error}'
        self._health.frame_failed(self._now(), kind, reason)
        self.get_logger().error(f'a frame was skipped: {reason}',
                                throttle_duration_sec=LOG_PERIOD_S)

    def _warn_of_input(self, sentence: str) -> None:
        self._health.input_problem(sentence)
        self.get_logger().warning(sentence)

    def _watch_input(self) -> None:
        self._input.follow_publisher()
        self._health.set_facts(image_input=self._input.describe())
        timeout = self._settings['no_image_timeout']
        silence = self._health.silent_for(self._now())
        silent = bool(timeout) and silence > timeout
        if silent and not self._silence_reported:
            self.get_logger().warning(
                f'no frame for {silence:.1f} s on {self._input.topic} '
                f'({self._input.describe()})')
        elif self._silence_reported and not silent:
            self.get_logger().info(f'frames come again on {self._input.topic}')
        self._silence_reported = silent
        misfit = self._input.misfit() if silent else ''
        if misfit != self._misfit:
            self._misfit = misfit
            self._health.input_problem(misfit)
            if misfit:
                self.get_logger().warning(misfit)

    def _publish_diagnostics(self) -> None:
        steady = time.monotonic()
        self._health.set_facts(clock=self._clock_watch.look(steady))
        limits = replace(self._settings.read(Limits), target_rate_hz=target_rate(self._settings))
        segmentation = self._health.report(self._now(), limits)
        frames = int(dict(segmentation.values)['frames_segmented'])
        reports = {'segmentation': segmentation, 'machine': self._machine.report(
            steady, self._settings.read(MachineLimits), frames)}
        self._service.status(reports['segmentation'].message)
        name = self.get_fully_qualified_name().lstrip('/')
        self._diagnostics.publish(
            diagnostics_message(reports, name, self.get_clock().now().to_msg()))

    def _now(self) -> float:
        return self.get_clock().now().nanoseconds * 1e-9
