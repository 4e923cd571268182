"""One description for every dataset: a YAML file that says where what lies and what it means."""
from __future__ import annotations

import glob
import re
from pathlib import Path
from typing import (
    Annotated,
    Dict,
    List,
    Literal,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    TYPE_CHECKING,
    Union,
)

import numpy as np
import pydantic

from effvit_ros.core.classes import ClassSet, IGNORE, lpcv_classes
from effvit_ros.core.errors import UserError
from effvit_ros.core.picture_files import is_visible
from effvit_ros.core.yaml_files import read_yaml

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

#: 0 to 255, as labels are stored.
Byte = Annotated[int, pydantic.Field(ge=0, le=255)]
#: As many ids there are in a label file.
IDS = 256
#: Classes that a palette may have; further positions mark what is unknown.
MOST_COLOURS = 254


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

    @pydantic.model_validator(mode='after')
    def _consistent(self) -> Split:
        for pattern in (self.images, self.labels):
            if not pattern or Path(pattern).is_absolute():
                raise ValueError(f'pattern {pattern!r}: give one below the root')
            if '?' in pattern or '**' in pattern:
                raise ValueError(f'pattern {pattern!r}: * is the only wildcard')
        if self.images == self.labels:
            raise ValueError(f'pattern {self.images!r}: pictures and labels are the same files')
        if self.images.count('*') != self.labels.count('*'):
            raise ValueError('images and labels pair by what * matches: both need as many of it')
        return self


class Colour(pydantic.BaseModel):
    """A class of a dataset whose labels are colour pictures."""

    model_config = pydantic.ConfigDict(extra='forbid')

    name: str
    rgb: Tuple[Byte, Byte, Byte]


class DatasetDescription(pydantic.BaseModel):
    """
    What ``config/datasets/*.yaml`` holds.

    ``classes`` are the dataset's own (a list of names in id order, a map id -> name, or, with
    ``encoding: palette``, names with colours). ``mapping`` sends each of its classes to one of
    ``target``'s names or to ``ignore``; without it they go by their own names. ``others`` is where
    ids go that ``classes`` does not list; without it they are errors.

    The class set ``target`` is no part of the file: whoever reads it hands it in, as the context
    ``classes``; LPCV's where nobody does.
    """

    model_config = pydantic.ConfigDict(extra='forbid')

    name: str = pydantic.Field(min_length=1)
    root: Path
    splits: Dict[str, Split] = pydantic.Field(min_length=1)
    encoding: Literal['index', 'palette'] = 'index'
    ignore: Optional[Byte] = IGNORE
    classes: Annotated[Union[List[Colour], Dict[Byte, str], List[str]],
                       pydantic.Field(min_length=1)]
    mapping: Optional[Dict[str, str]] = None
    others: Optional[str] = None
    trusted: List[str] = []  # target's, labelled by hand where the rest is guessed: scored alone
    licence: str = 'unknown'
    terms: str = ''
    source: str = ''
    _target: ClassSet = pydantic.PrivateAttr(default_factory=lpcv_classes)

    @property
    def target(self) -> ClassSet:
        """Class set that labels are translated into."""
        return self._target

    @property
    def class_ids(self) -> Dict[int, str]:
        """Names by the id that a label file (or the palette's position) uses."""
        if isinstance(self.classes, dict):
            return self.classes
        return dict(enumerate(c.name if isinstance(c, Colour) else c for c in self.classes))

    @property
    def palette(self) -> List[Colour]:
        """Classes with their colours, where labels are colour pictures; none elsewhere."""
        return [c for c in self.classes if isinstance(c, Colour)]

    @pydantic.model_validator(mode='after')
    def _consistent(self, info: pydantic.ValidationInfo) -> DatasetDescription:
        self._target = (info.context or {}).get('classes') or lpcv_classes()
        if self.encoding == 'index':
            if 'ignore' in self.model_fields_set and self.ignore in self.class_ids:
                raise ValueError(f'ignore: {self.ignore} is also the id of class '
                                 f'{self.class_ids[self.ignore]!r}')
            if len(self.classes) > (IDS if self.ignore is None else IDS - 1):
                raise ValueError(f'{len(self.classes)} classes: labels hold {IDS} ids, the '
                                 'ignored one among them')
        if (self.encoding == 'palette') != bool(self.palette):
            raise ValueError('encoding: palette goes with classes that have an rgb, and only so')
        check_palette(self.palette)
        unknown = self.target.unknown(self.trusted)
        if unknown:
            raise ValueError(f'trusted names {unknown[0]!r}: not a class of {self.target.name}')
        names = set(self.class_ids.values())
        if self.mapping is None:
            unknown = self.target.unknown({*names, self.others or 'ignore'} - {'ignore'})
            if unknown:
                raise ValueError(f'{unknown[0]!r} is not a class of {self.target.name}, so a '
                                 'mapping is needed, or the class set that the names are of')
            return self
        if set(self.mapping) != names:
            odd = sorted(set(self.mapping) ^ names)
            raise ValueError(f'mapping and classes differ in {", ".join(odd)}')
        targets = {*self.mapping.values(), self.others or 'ignore'}
        wrong = self.target.unknown(targets - {'ignore'})
        if wrong:
            raise ValueError(f'mapping to {wrong[0]!r}: not a class of {self.target.name} and not '
                             '"ignore"')
        return self

    def lookup(self) -> np.ndarray:
        """
        Table from the dataset's ids to those of ``target``: (256,) int16.

        -1 marks ids that the description does not know; IGNORE those left out on purpose.
        """
        def target(name: str) -> int:
            return IGNORE if name == 'ignore' else self.target.index(name)

        table = np.full(256, target(self.others) if self.others else -1, np.int16)
        if self.ignore is not None:
            table[self.ignore] = IGNORE
        for index, name in self.class_ids.items():
            table[index] = target(self.mapping[name] if self.mapping else name)
        return table

    def check_split(self, split: str) -> None:
        """Look for a split; :raises UserError: it is none of this dataset's."""
        if split not in self.splits:
            raise UserError(f'dataset {self.name}: no split {split!r}; it has '
                            f'{", ".join(self.splits)}')

    def pairs(self, split: str) -> List[Pair]:
        """
        Pictures and labels of a split, sorted by key.

        :raises UserError: unknown split, no picture found, or a picture without a label.
        """
        self.check_split(split)
        images, labels = self.files(split)
        if not images:
            raise UserError(f'dataset {self.name}: nothing matches '
                            f'{self.root / self.splits[split].images}')
        for key in images:
            if key not in labels:
                raise UserError(f'dataset {self.name}: {images[key]} has no label '
                                f'({self.splits[split].labels})')
        return [Pair(key, images[key], labels[key]) for key in sorted(images)]

    def files(self, split: str) -> Tuple[Dict[str, Path], Dict[str, Path]]:
        """Pictures and labels of a split by key; labels among pictures are no pictures."""
        images = matches(self.root, self.splits[split].images)
        labels = matches(self.root, self.splits[split].labels)
        masks = set(labels.values())
        return {key: path for key, path in images.items() if path not in masks}, labels

    def count(self, split: str) -> int:
        """Count the pictures of a split, with labels or without."""
        return len(self.files(split)[0])


def check_palette(classes: Sequence[Colour]) -> None:
    """Refuse too many classes or one colour for two; :raises ValueError: there are such."""
    if len(classes) > MOST_COLOURS:
        raise ValueError(f'{len(classes)} classes: a palette has {MOST_COLOURS} at most')
    by_colour: Dict[tuple, str] = {}
    for colour in classes:
        other = by_colour.setdefault(colour.rgb, colour.name)
        if other != colour.name:
            raise ValueError(f'classes {other!r} and {colour.name!r} have the same rgb')


def matches(root: Path, pattern: str) -> Dict[str, Path]:
    """List files below ``root`` that match, by the text that the wildcards stand for."""
    parts = Path(pattern).as_posix().split('*')  # names come without // and ./
    regex = re.compile('([^/]*)'.join(re.escape(part) for part in parts) + '$')
    names = glob.glob('*'.join(glob.escape(part) for part in parts), root_dir=root)
    found = (regex.match(name) for name in names
             if all(is_visible(part) for part in (Path(name), *Path(name).parents)))
    return {'/'.join(match.groups()): root / match.string for match in found if match}


def load_description(path: Union[str, Path], root: Optional[Path] = None,
                     classes: Optional[ClassSet] = None) -> DatasetDescription:
    """
    Read a description; a relative ``root`` is relative to the file, or given by the caller.

    :param classes: onto which its own are mapped; default: LPCV's.
    :raises UserError: the file is missing or breaks a rule (all broken rules in one line).
    """
    path = Path(path)
    fields = read_yaml(path, 'dataset')
    try:
        description = DatasetDescription.model_validate(fields, context={'classes': classes})
    except pydantic.ValidationError as error:
        raise UserError(f'dataset {path}: {one_line(error)}') from error
    description.root = (Path(root) if root else path.parent / description.root).resolve()
    return description


def one_line(error: pydantic.ValidationError) -> str:
    """Join a validation error's complaints as ``where: what; where: what``."""
    return '; '.join(
        ('.'.join(map(str, problem['loc'])) + ': ' if problem['loc'] else '') + complaint(problem)
        for problem in error.errors())


def complaint(problem: ErrorDetails) -> str:
    """Say what is wrong with one value; a short value is repeated."""
    if problem['type'] == 'extra_forbidden':
        return 'unknown key: mend its spelling or remove it'
    if problem['type'] in ('missing', 'value_error'):
        return problem['msg'].removeprefix('Value error, ')
    value = repr(problem['input'])
    return problem['msg'] + (f', not {value}' if len(value) < 60 else '')
