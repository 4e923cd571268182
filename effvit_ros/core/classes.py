"""Class sets: what the ids of a label map mean. LPCV 2023's is the one that is shipped."""
from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterable, Mapping, Tuple, Union

import numpy as np

from effvit_ros.core.errors import UserError
from effvit_ros.core.install_paths import share_directory
from effvit_ros.core.yaml_files import read_yaml

#: Label value of pixels that count nowhere ("unlabelled" in vision_msgs' words).
IGNORE = 255
#: Classes that a set may have: ids are bytes, of which IGNORE is one.
FEWEST, MOST = 2, 255
#: Words that stand for something else where classes are named (mappings, rare).
RESERVED = ('ignore', 'balanced')

_KEYS = ('id', 'name', 'color', 'rare')


@dataclass(frozen=True)
class ClassInfo:
    """
    One class: its id in the label map, its name and its RGB colour.

    ``rare``: it has few pixels in most pictures, so that training may paste it into others.
    """

    id: int
    name: str
    color: Tuple[int, int, int]
    rare: bool = False


@dataclass(frozen=True)
class ClassSet:
    """Classes by id, 0 upwards without gaps, under a name."""

    name: str
    classes: Tuple[ClassInfo, ...]

    def __len__(self) -> int:
        """Return the number of classes."""
        return len(self.classes)

    @functools.cached_property
    def names(self) -> Tuple[str, ...]:
        """Return the class names in id order."""
        return tuple(c.name for c in self.classes)

    @functools.cached_property
    def palette(self) -> np.ndarray:
        """Return the colours, (n, 3) uint8, RGB, read-only."""
        colors = np.array([c.color for c in self.classes], dtype=np.uint8)
        colors.setflags(write=False)
        return colors

    @property
    def rare(self) -> Tuple[str, ...]:
        """Return the names of the rare classes."""
        return tuple(c.name for c in self.classes if c.rare)

    @property
    def is_lpcv(self) -> bool:
        """Return whether the ids mean what LPCV 2023's mean, whatever the set is called."""
        return are_lpcv(self.names)

    def index(self, name: str) -> int:
        """Return the id of a class; :raises ValueError: the set has no such class."""
        return self.names.index(name)

    def unknown(self, names: Iterable[str]) -> Tuple[str, ...]:
        """Return those of ``names`` that the set does not have, sorted."""
        return tuple(sorted(set(names) - set(self.names)))

    def differences(self, other: 'ClassSet') -> str:
        """Return in one line where the ids mean something else in ``other``; '' where nowhere."""
        if self.names == other.names:
            return ''
        for i, (ours, theirs) in enumerate(zip(self.names, other.names)):
            if ours != theirs:
                return f"id {i} is '{ours}' in {self.name}, but '{theirs}' in {other.name}"
        return f'{self.name} has {len(self)} classes, {other.name} {len(other)}'

    def as_fields(self) -> dict:
        """Return what :func:`class_set` reads, plain values for YAML or JSON."""
        entries = []
        for c in self.classes:
            rare = {'rare': True} if c.rare else {}
            entries.append({'id': c.id, 'name': c.name, 'color': list(c.color), **rare})
        return {'name': self.name, 'classes': entries}


def load_classes(path: Union[str, Path]) -> ClassSet:
    """
    Read a class set from a YAML file (form: ``config/classes/lpcv2023.yaml``).

    :raises UserError: missing, not readable, or one line with the first thing that is wrong.
    """
    path = Path(path)
    return class_set(read_yaml(path, 'classes'), f'classes {path}')


def class_set(fields: Mapping[str, Any], where: str) -> ClassSet:
    """
    Check the keys ``name`` and ``classes`` of a class set.

    :param where: begins the complaints.
    :raises UserError: the first thing that is wrong.
    """
    odd = sorted(set(map(str, fields)) - {'name', 'classes'})
    if odd:
        raise UserError(f"{where}: unknown key '{odd[0]}': give name and classes")
    name, entries = fields.get('name'), fields.get('classes')
    if not isinstance(name, str) or not name.strip():
        raise UserError(f'{where}: name is {name!r}: give the set a name')
    if not isinstance(entries, list):
        raise UserError(f'{where}: classes is no list: give one of id, name and color')
    classes = read_class_list(entries, where)
    for c, entry in zip(classes, entries):
        odd = sorted(set(map(str, entry)) - set(_KEYS))
        if odd:
            raise UserError(f"{where}: classes[{c.id}]: unknown key '{odd[0]}': a class has "
                            + ', '.join(_KEYS))
        if c.name in RESERVED:
            raise UserError(f"{where}: classes[{c.id}].name is '{c.name}', which means something "
                            'else in recipes and datasets: give another')
    return ClassSet(name, classes)


def read_class_list(entries: list, where: str) -> Tuple[ClassInfo, ...]:
    """
    Check a list of classes, as class files and bundles have it; keys beyond are passed over.

    :param where: begins the complaints.
    :raises UserError: the first thing that is wrong.
    """
    if not FEWEST <= len(entries) <= MOST:
        raise UserError(f'{where}: {len(entries)} classes: give {FEWEST} to {MOST}')
    classes = tuple(_read_class(entry, number, where) for number, entry in enumerate(entries))
    names = [c.name for c in classes]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{where}: two classes are called '{twice}': names tell classes apart")
    return classes


def _read_class(entry: Any, expected: int, where: str) -> ClassInfo:
    where = f'{where}: classes[{expected}]'
    if not isinstance(entry, dict):
        raise UserError(f'{where} is {entry!r}, not id, name and color')
    number, name, color = (entry.get(key) for key in ('id', 'name', 'color'))
    if number != expected or isinstance(number, bool):
        raise UserError(f'{where}.id is {number!r}: ids must count up from 0 without gaps')
    if not isinstance(name, str):
        raise UserError(f'{where}.name is {name!r}, not a text: give it in quotation marks')
    if name != name.strip() or not name.isprintable() or not name:
        raise UserError(f'{where}.name is {name!r}: give printable characters')
    if not isinstance(color, (list, tuple)) or len(color) != 3 or not all(
            isinstance(c, int) and not isinstance(c, bool) and 0 <= c <= 255 for c in color):
        raise UserError(f'{where}.color is {color!r}: give three of 0..255')
    rare = entry.get('rare', False)
    if not isinstance(rare, bool):
        raise UserError(f'{where}.rare is {rare!r}: give true or false')
    return ClassInfo(number, name, tuple(color), rare)


@functools.lru_cache(maxsize=None)
def lpcv_classes() -> ClassSet:
    """Return LPCV 2023's class set, which is the default everywhere."""
    return load_classes(share_directory() / 'config' / 'classes' / 'lpcv2023.yaml')


def are_lpcv(names: Iterable[str]) -> bool:
    """Return whether these names, in id order, are those of LPCV 2023's classes."""
    return tuple(names) == lpcv_classes().names
