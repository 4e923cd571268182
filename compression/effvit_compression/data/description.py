"""One description for every dataset: a YAML file that says where what lies and what it means."""
from __future__ import annotations

import glob
import re
from pathlib import Path
from typing import Dict, List, Literal, NamedTuple, Optional, Union

import numpy as np
import pydantic

from effvit_compression.files import read_yaml
from effvit_ros.core.errors import UserError
from effvit_ros.core.lpcv import IGNORE, NAMES


class Pair(NamedTuple):
    """A picture and its label file; ``key`` is what the patterns' wildcards matched."""

    key: str
    image: Path
    label: Path


class Split(pydantic.BaseModel):
    """Glob patterns below the root; files pair up by what the wildcards matched."""

    model_config = pydantic.ConfigDict(extra='forbid')

    images: str
    labels: str


class Colour(pydantic.BaseModel):
    """A class of a dataset whose labels are colour pictures."""

    model_config = pydantic.ConfigDict(extra='forbid')

    name: str
    rgb: List[int] = pydantic.Field(min_length=3, max_length=3)


class DatasetDescription(pydantic.BaseModel):
    """
    What ``config/datasets/*.yaml`` holds.

    ``classes`` are the dataset's own (a list of names in id order, a map id -> name, or, with
    ``encoding: palette``, names with colours). ``mapping`` sends each of its classes to one of
    the LPCV-14 names or to ``ignore``; without it the ids are LPCV's already. ``others`` is where
    ids go that ``classes`` does not list; without it they are errors.
    """

    model_config = pydantic.ConfigDict(extra='forbid')

    name: str
    root: Path
    splits: Dict[str, Split]
    encoding: Literal['index', 'palette'] = 'index'
    ignore: Optional[int] = IGNORE
    classes: Union[List[Colour], Dict[int, str], List[str]]
    mapping: Optional[Dict[str, str]] = None
    others: Optional[str] = None
    trusted: List[str] = []  # LPCV names labelled by hand where the rest is guessed: scored alone
    licence: str = 'unknown'
    terms: str = ''
    source: str = ''

    @property
    def class_ids(self) -> Dict[int, str]:
        """Names by the id that a label file (or the palette's position) uses."""
        if isinstance(self.classes, dict):
            return self.classes
        return {i: c.name if isinstance(c, Colour) else c for i, c in enumerate(self.classes)}

    @pydantic.model_validator(mode='after')
    def _consistent(self):
        if (self.encoding == 'palette') != (
                isinstance(self.classes, list) and isinstance(self.classes[0], Colour)):
            raise ValueError('encoding: palette goes with classes that have an rgb, and only so')
        names = set(self.class_ids.values())
        if self.mapping is None:
            foreign = names - set(NAMES)
            if foreign or any(NAMES[i] != n for i, n in self.class_ids.items()):
                raise ValueError('classes are not LPCV-14 ids and names, so a mapping is needed')
            return self
        if set(self.mapping) != names:
            odd = sorted(set(self.mapping) ^ names)
            raise ValueError(f'mapping and classes differ in {", ".join(odd)}')
        targets = {*self.mapping.values(), self.others or 'ignore'}
        wrong = sorted(targets - set(NAMES) - {'ignore'})
        if wrong:
            raise ValueError(f'mapping to {wrong[0]!r}: not an LPCV class and not "ignore"')
        return self

    def lookup(self) -> np.ndarray:
        """
        Table from the dataset's ids to LPCV-14 ids: (256,) int16.

        -1 marks ids that the description does not know; IGNORE those left out on purpose.
        """
        def target(name):
            return IGNORE if name == 'ignore' else NAMES.index(name)

        table = np.full(256, target(self.others) if self.others else -1, np.int16)
        if self.ignore is not None:
            table[self.ignore] = IGNORE
        for index, name in self.class_ids.items():
            table[index] = target(self.mapping[name] if self.mapping else name)
        return table

    def pairs(self, split: str) -> List[Pair]:
        """
        Pictures and labels of a split, sorted by key.

        :raises UserError: unknown split, no picture found, or a picture without a label.
        """
        if split not in self.splits:
            raise UserError(f'dataset {self.name}: no split {split!r}; it has '
                            f'{", ".join(self.splits)}')
        images = matches(self.root, self.splits[split].images)
        labels = matches(self.root, self.splits[split].labels)
        if not images:
            raise UserError(f'dataset {self.name}: nothing matches '
                            f'{self.root / self.splits[split].images}')
        for key in images:
            if key not in labels:
                raise UserError(f'dataset {self.name}: {images[key]} has no label '
                                f'({self.splits[split].labels})')
        return [Pair(key, images[key], labels[key]) for key in sorted(images)]

    def count(self, split: str) -> int:
        """Count the pictures of a split, with labels or without."""
        return len(matches(self.root, self.splits[split].images))


def matches(root: Path, pattern: str) -> Dict[str, Path]:
    """List files below ``root`` that match, by the text that the wildcards stand for."""
    regex = re.compile('(.*)'.join(re.escape(part) for part in pattern.split('*')) + '$')
    found = {}
    for name in glob.glob(str(root / pattern)):
        relative = Path(name).relative_to(root).as_posix()
        found['/'.join(regex.match(relative).groups())] = Path(name)
    return found


def load_description(path: Union[str, Path], root: Optional[Path] = None) -> DatasetDescription:
    """
    Read a description; a relative ``root`` is relative to the file, or given by the caller.

    :raises UserError: the file is missing or breaks a rule (all broken rules in one line).
    """
    path = Path(path)
    fields = read_yaml(path, 'dataset')
    try:
        description = DatasetDescription.model_validate(fields)
    except pydantic.ValidationError as error:
        raise UserError(f'dataset {path}: {one_line(error)}') from error
    description.root = (Path(root) if root else path.parent / description.root).resolve()
    return description


def one_line(error: pydantic.ValidationError) -> str:
    """Join a validation error's complaints as ``where: what; where: what``."""
    return '; '.join(
        '.'.join(str(part) for part in problem['loc']) + ': ' + problem['msg']
        for problem in error.errors())
