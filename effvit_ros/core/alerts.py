"""
Alerts: when the share of a class in the picture is news.

A rule raises an alert after so many pictures in a row above a share, and clears it after as many
below a lower one (hysteresis), so that a share that wavers about a threshold makes no noise.
"""
from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterable, NamedTuple, Optional, Sequence, Tuple

from effvit_ros.core.errors import UserError

#: What ``auto`` stands for, for those of the classes that a model has.
DEFAULT_ALERTS = ('person>0.001x3, fire/flare>0.002x3, flood/water/river/sea>0.03x5, '
                  'building_damaged>0.01x5')
#: The words for these rules and for no rule.
AUTO, NONE = 'auto', 'none'
#: What an alert can be; ``unknown``: it was raised, but is not watched any more.
RAISED, CLEARED, UNKNOWN = 'raised', 'cleared', 'unknown'
#: Pictures in a row where a rule does not say.
DEFAULT_FRAMES = 3
#: A stamp that is so many nanoseconds older than the last one means another time, not jitter.
JUMP_BACK_NS = 1_000_000_000

_NUMBER = r'\d*\.?\d+(?:[eE][+-]?\d+)?'
_RULE = re.compile(rf'(?P<classes>[^<>]+)>\s*(?P<above>{_NUMBER})\s*'
                   rf'(?:<\s*(?P<below>{_NUMBER})\s*)?(?:x\s*(?P<frames>\d+))?')
_FORM = 'give CLASS>SHARE<LOWER_SHARExFRAMES, for example person>0.001<0.0005x3'


@dataclass(frozen=True)
class AlertRule:
    """Raise after ``frames`` pictures above one share, clear after ``frames`` below another."""

    classes: Tuple[str, ...]
    above: float
    below: float
    frames: int = DEFAULT_FRAMES

    @property
    def name(self) -> str:
        """Return the alert's name: that of its classes, whose shares are added up."""
        return '+'.join(self.classes)

    def __str__(self) -> str:
        """Return the text that :func:`parse_rules` reads."""
        return f'{self.name}>{self.above!r}<{self.below!r}x{self.frames}'


class Place(NamedTuple):
    """Where an alert is: degrees (WGS 84), and the radius in metres that holds it in 95 %."""

    latitude: float
    longitude: float
    uncertainty_m: float

    @property
    def on_earth(self) -> bool:
        """Return whether the numbers can be a place: messages may hold any."""
        return (-90 <= self.latitude <= 90 and -180 <= self.longitude <= 180
                and 0 <= self.uncertainty_m < 100_000)


class Alert(NamedTuple):
    """
    What is said of one rule: its name, RAISED, CLEARED or UNKNOWN, and its share, 0..1.

    An alert with a ``place`` is one thing among several of its name; ``id`` tells them apart.
    """

    name: str
    state: str
    share: float
    place: Optional[Place] = None
    id: str = ''

    @property
    def key(self) -> str:
        """Return what tells this alert from others."""
        return self.id or self.name


def parse_rules(text: str) -> Tuple[AlertRule, ...]:
    """
    Return the :class:`AlertRule` of each part of ``text``, which commas separate.

    A part reads ``CLASS>SHARE``, with ``+CLASS`` for more classes, ``<LOWER_SHARE`` (half the
    share where not given) and ``xFRAMES`` (3). Class names may hold anything but ``, + < >``.

    :raises UserError: names the rule that is wrong.
    """
    text = ' '.join(text.split())  # a text of several lines, too, is quoted in one
    rules = tuple(_parse_rule(part.strip()) for part in text.split(','))
    names = [rule.name for rule in rules]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"alerts: two rules for '{name}': leave one out")
    return rules


def alert_rules(text: str, class_names: Sequence[str],
                simulated: Iterable[str] = ()) -> Tuple[AlertRule, ...]:
    """
    Return the rules that ``text`` means for a model with these classes.

    :param text: ``auto``, ``none`` or rules.
    :param simulated: classes that the model knows from a simulation alone: ``auto`` leaves out
        their rules, which would tell of what it never saw.
    :raises UserError: a rule can't be read, or names a class that the model does not have.
    """
    text = text.strip()
    if text == NONE:
        return ()
    if text == AUTO:
        return tuple(rule for rule in parse_rules(DEFAULT_ALERTS)
                     if set(rule.classes) <= set(class_names) - set(simulated))
    rules = parse_rules(text)
    for rule in rules:
        for name in rule.classes:
            if name not in class_names:
                raise UserError(f"alerts: rule '{rule}': the model has no class '{name}', but "
                                + ', '.join(class_names))
    return rules


def alert_classes() -> Tuple[str, ...]:
    """Return the classes of the default rules: those that matter in disasters."""
    return tuple(name for rule in parse_rules(DEFAULT_ALERTS) for name in rule.classes)


def alerts_problem(text: str) -> Optional[str]:
    """Return what is wrong with a text for :func:`alert_rules`, whatever the model, or None."""
    try:
        if text.strip() not in (AUTO, NONE):
            parse_rules(text)
    except UserError as error:
        return str(error)
    return None


class AlertMonitor:
    """The state of each rule, picture by picture; used from one thread at a time."""

    def __init__(self, rules: Iterable[AlertRule], class_names: Sequence[str]) -> None:
        """
        Start with nothing raised.

        :param class_names: of the model, in id order; holds every class of ``rules``.
        """
        self._watches = [
            _Watch(rule, [class_names.index(name) for name in rule.classes]) for rule in rules]
        self._newest_ns: Optional[int] = None

    def update(self, areas: Sequence[float], stamp_ns: int) -> Tuple[Alert, ...]:
        """
        Take in a picture and return what to tell of it; nothing unless an alert changed.

        :param areas: share of each class, (classes,) float.
        :param stamp_ns: the picture's stamp; one that jumps back starts everything again, as
            when a bag is played again.
        :returns: a tuple of :class:`Alert` in the rules' order: whatever is raised, and what
            has just ceased to be. So the newest answer tells the whole state: what it does not
            name is not raised.
        """
        jumped = self._newest_ns is not None and stamp_ns < self._newest_ns - JUMP_BACK_NS
        self._newest_ns = stamp_ns
        before = [watch.raised for watch in self._watches]
        for watch in self._watches:
            if jumped:
                watch.reset()
            watch.update(areas)
        if before == [watch.raised for watch in self._watches]:
            return ()
        ceased = UNKNOWN if jumped else CLEARED
        return tuple(
            Alert(watch.name, RAISED if watch.raised else ceased, watch.share)
            for watch, was_raised in zip(self._watches, before) if watch.raised or was_raised)

    def standing(self) -> Tuple[Alert, ...]:
        """Return a tuple of what is raised now, as :meth:`update` would tell it."""
        return tuple(Alert(watch.name, RAISED, watch.share)
                     for watch in self._watches if watch.raised)

    def reset(self) -> Tuple[Alert, ...]:
        """Start again; returns a tuple with an UNKNOWN :class:`Alert` for whatever was raised."""
        dropped = tuple(
            Alert(watch.name, UNKNOWN, watch.share) for watch in self._watches if watch.raised)
        for watch in self._watches:
            watch.reset()
        self._newest_ns = None
        return dropped


class _Watch:
    """One rule, the ids of its classes, and how many pictures in a row speak for a change."""

    def __init__(self, rule: AlertRule, ids: Sequence[int]) -> None:
        self.name = rule.name
        self.share = 0.0
        self._rule = rule
        self._ids = ids
        self.reset()

    def reset(self) -> None:
        self.raised = False
        self._in_row = 0

    def update(self, areas: Sequence[float]) -> None:
        self.share = float(sum(areas[i] for i in self._ids))
        if self.raised:
            changes = self.share < self._rule.below
        else:
            changes = self.share > self._rule.above
        self._in_row = self._in_row + 1 if changes else 0
        if self._in_row == self._rule.frames:
            self.raised = not self.raised
            self._in_row = 0


def _parse_rule(text: str) -> AlertRule:
    match = _RULE.fullmatch(text)
    classes = tuple(name.strip() for name in match['classes'].split('+')) if match else ()
    if not match or not all(classes):
        raise UserError(f"alerts: rule '{text}' can't be read: {_FORM}; or auto or none")
    above = float(match['above'])
    below = above / 2 if match['below'] is None else float(match['below'])
    frames = DEFAULT_FRAMES if match['frames'] is None else int(match['frames'])
    if not 0 < below <= above < 1:
        raise UserError(f"alerts: rule '{text}': give shares between 0 and 1, the one to clear "
                        'at no higher than the one to raise at')
    if not 1 <= frames <= 10000:
        raise UserError(f"alerts: rule '{text}': give 1 to 10000 frames")
    if len(set(classes)) < len(classes):
        raise UserError(f"alerts: rule '{text}' names a class twice")
    return AlertRule(classes, above, below, frames)
