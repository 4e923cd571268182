"""
Parameters as a table: declared with ranges and descriptions, checked, refused with a reason.

A parameter that can't change in the node's present state is refused with a sentence that says
what to do, rather than accepted and ignored.
"""
from __future__ import annotations

from dataclasses import dataclass, fields
from typing import (
    Any,
    Callable,
    Iterable,
    List,
    Optional,
    Tuple,
    Type,
    TYPE_CHECKING,
    TypeVar,
    Union,
)

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from effvit_ros.core.errors import UserError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Value = Union[bool, int, float, str]
_Fields = TypeVar('_Fields', bound='DataclassInstance')

#: When a new value takes effect; also the states in which it may be set.
AT_ONCE, ON_ACTIVATE, ON_CONFIGURE, ON_START = 'at once', 'activate', 'configure', 'start'

_ADVICE = {
    ON_ACTIVATE: 'deactivate the node, set it, then activate again',
    ON_CONFIGURE: 'deactivate and clean up the node, set it, then configure and activate again',
    ON_START: 'give it on the command line or in the parameter file and restart the node',
}
_SETTABLE_IN = {
    ON_ACTIVATE: ('unconfigured', 'inactive'),
    ON_CONFIGURE: ('unconfigured',),
    ON_START: (),
}


@dataclass(frozen=True)
class Parameter:
    """One row: what a user can set, what is allowed, and when it takes effect."""

    name: str
    default: Value
    description: str
    effective: str = AT_ONCE
    choices: Tuple[str, ...] = ()
    low: Optional[float] = None
    high: Optional[float] = None
    #: Returns what is wrong with a value of the right type, in a line that names it, or None.
    check: Optional[Callable[[Any], Optional[str]]] = None

    @property
    def allowed(self) -> str:
        """Return the allowed values in words."""
        if self.choices:
            return ' | '.join(self.choices)
        if self.low is not None:
            return f'{self.low} to {self.high}'
        return {bool: 'true | false', str: 'a text'}[type(self.default)]

    def problem(self, value: Any) -> Optional[str]:
        """Return what is wrong with ``value`` in one line, or None."""
        kind = type(self.default)
        # An integer is a fine number where a float is asked for: `ros2 param set` sends one.
        fits = type(value) is kind or (kind is float and type(value) is int)
        if fits and self.choices:
            fits = value in self.choices
        elif fits and self.low is not None:
            fits = self.low <= value <= self.high
        if fits:
            return self.check(value) if self.check else None
        return f"{self.name} is '{value}': give {self.allowed}"

    def parse(self, text: str) -> Value:
        """
        Return the value that ``text`` (a launch argument) means, in the parameter's type.

        :raises UserError: when it is not an allowed value.
        """
        value: Value = text
        try:
            if isinstance(self.default, bool):
                value = {'true': True, 'false': False}[text.lower()]
            elif not isinstance(self.default, str):
                value = type(self.default)(text)
        except (KeyError, ValueError):
            pass  # left a text, which is refused here
        problem = self.problem(value)
        if problem:
            raise UserError(problem)
        return value

    def refusal(self, state: str) -> Optional[str]:
        """Return why it can't be set while the node is ``state``, or None."""
        if self.effective == AT_ONCE or state in _SETTABLE_IN[self.effective]:
            return None
        when = 'when the node starts' if self.effective == ON_START else f'on {self.effective}'
        return f'{self.name} takes effect {when}: {_ADVICE[self.effective]}'

    def descriptor(self) -> ParameterDescriptor:
        """Return the message that ``ros2 param describe`` shows."""
        message = ParameterDescriptor(
            name=self.name, description=self.description,
            additional_constraints=f'Allowed: {self.allowed}. Takes effect: {self.effective}.')
        kind = type(self.default)
        message.dynamic_typing = kind is float
        if kind is float and self.low is not None and self.high is not None:
            message.floating_point_range = [
                FloatingPointRange(from_value=float(self.low), to_value=float(self.high))]
        elif kind is int and self.low is not None and self.high is not None:
            message.integer_range = [
                IntegerRange(from_value=int(self.low), to_value=int(self.high), step=1)]
        return message


class Parameters:
    """A node's declared parameters; reading one costs a dictionary look-up, from any thread."""

    def __init__(self, node: Node, table: Iterable[Parameter], state: Callable[[], str]) -> None:
        """
        Declare the table on ``node``.

        :param state: called without arguments, returns the node's lifecycle state's name.
        :raises UserError: when a value from the command line or a parameter file is not allowed.
        """
        self._node = node
        self._rows = {row.name: row for row in table}
        self._state = state
        for row in table:
            try:
                node.declare_parameter(row.name, row.default, row.descriptor())
            except (InvalidParameterTypeException, InvalidParameterValueException):
                # Declared again without type and range, only to read and name the bad value.
                node.declare_parameter(
                    row.name, row.default, ParameterDescriptor(dynamic_typing=True))
            problem = row.problem(self[row.name])
            if problem:
                raise UserError(f'parameter {problem}')
        node.add_on_set_parameters_callback(self._check)

    def __getitem__(self, name: str) -> Any:
        """Return the present value."""
        return self._node.get_parameter(name).value

    def read(self, kind: Type[_Fields]) -> _Fields:
        """Return a dataclass of the type ``kind`` whose fields are named like parameters."""
        return kind(**{field.name: self[field.name] for field in fields(kind)})

    def _check(self, changes: List[RosParameter]) -> SetParametersResult:
        for change in changes:
            row = self._rows.get(change.name)
            if row is None:
                continue
            problem = row.problem(change.value)
            if problem is None and change.value != self[row.name]:
                problem = row.refusal(self._state())
            if problem:
                return SetParametersResult(successful=False, reason=problem)
        return SetParametersResult(successful=True)
