"""What every reader gives: classes by name, and pictures that can be painted."""
from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    FrozenSet,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

import cv2
import numpy as np
from PIL import Image

from effvit_compression.data.pictures import BROKEN
from effvit_ros.core.errors import UserError
from effvit_ros.core.label_files import refuse_lossy

#: What no shape and no mask says anything of.
UNLABELLED = 255
#: Class names that tools give to pixels that nobody labelled.
VOID = frozenset({'background', '__background__', '_background_', 'unlabeled', 'unlabelled',
                  'void', 'ignore'})
#: Shape (height, width) of a picture.
Shape = Tuple[int, int]
#: Red, green, blue of 0..255.
Colour = Tuple[int, int, int]

#: What values of another kind than a form's raise where they are taken apart.
MALFORMED = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError,
             cv2.error, zlib.error)


class BadLabel(UserError):
    """The label of one picture can't be read; the others may be sound."""


class Layer(NamedTuple):
    """A region of one class; later layers lie above earlier ones."""

    name: str
    mask: Callable[[Shape], np.ndarray]


class Options(NamedTuple):
    """``colours``: names and RGB colours of masks, where the export holds no table of them."""

    colours: Optional[Tuple[List[str], List[Colour]]] = None


@dataclass
class Drawing:
    """
    The label of one picture.

    ``name`` is the picture's file as the export calls it; ``size`` what it says of its shape.
    Either ``layers`` or ``ids`` (positions in the export's classes, 255 where there is none)
    says what is where.
    """

    name: str
    size: Optional[Shape] = None
    layers: Sequence[Layer] = ()
    ids: Optional[Callable[[], np.ndarray]] = None

    def paint(self, shape: Shape, table: Dict[str, int], classes: Sequence[str]) -> np.ndarray:
        """
        Label map (H, W) uint8, 255 where nothing is labelled.

        :param table: class name -> id.
        :param classes: of the export.
        :raises BadLabel: a mask is of another size, or damaged.
        """
        if self.size and self.size != shape:
            raise BadLabel(f'{self.name}: labelled at {self.size[1]}x{self.size[0]} pixels, its '
                           f'picture has {shape[1]}x{shape[0]}')
        if self.ids is None:
            label = np.full(shape, UNLABELLED, np.uint8)
            for layer in self.layers:
                try:
                    label[layer.mask(shape)] = table[layer.name]
                except MALFORMED as error:
                    raise BadLabel(f'{self.name}: {layer.name}: {in_a_line(error)}') from error
            return label
        ids = self.ids()
        if ids.shape != shape:
            raise BadLabel(f'{self.name}: its mask has {ids.shape[1]}x{ids.shape[0]} pixels, the '
                           f'picture {shape[1]}x{shape[0]}')
        lookup = np.full(256, UNLABELLED, np.uint8)
        lookup[:len(classes)] = [table[name] for name in classes]
        return lookup[ids]


@dataclass
class Export:
    """``void``: those of ``classes`` that may stand for "nobody labelled this"."""

    form: str
    classes: List[str]
    drawings: List[Drawing]
    problems: List[str] = field(default_factory=list)
    void: FrozenSet[str] = frozenset()


class Reader(NamedTuple):
    """
    A format: its name, whether a folder holds it, and how it is read.

    ``read`` takes the folder and :class:`Options`; it raises UserError where all of the export
    can't be read, and adds to ``problems`` what is wrong with single pictures.
    """

    form: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path, Options], Export]


def in_a_line(error: Exception) -> str:
    """Return in one line what one of :data:`MALFORMED` says."""
    return ' '.join(f'{type(error).__name__}: {error}'.split())


def unique(classes: Sequence[str], where: Union[Path, str]) -> List[str]:
    """Return the class names; :raises UserError: none, an empty one, one twice, or too many."""
    names = [str(name).strip() for name in classes]
    for name in names:
        if not name:
            raise UserError(f'{where}: a class without a name')
        if names.count(name) > 1:
            raise UserError(f'{where}: two classes named {name!r}: rename one of them')
    if len(names) > UNLABELLED:
        raise UserError(f'{where}: {len(names)} classes, {UNLABELLED} at most')
    return names


def voids(classes: Sequence[str]) -> FrozenSet[str]:
    """Return those of the classes whose name says that nothing is labelled."""
    return frozenset(name for name in classes if name.lower() in VOID)


def read_json(path: Path) -> Any:
    """Read JSON; :raises UserError: unreadable or no JSON."""
    try:
        return json.loads(path.read_text(encoding='utf-8-sig'))
    except OSError as error:
        raise UserError(f'{path}: {error.strerror}') from error
    except ValueError as error:
        raise UserError(f'{path}: not JSON: {error}') from error


def read_rgb(path: Path) -> np.ndarray:
    """Colours of a mask (H, W, 3) uint8 RGB, of a palette's, too; :raises BadLabel: unreadable."""
    try:
        refuse_lossy(path.read_bytes(), str(path))
        with Image.open(path) as picture:
            return np.array(picture.convert('RGB'))
    except FileNotFoundError:
        raise BadLabel(f'{path}: no such mask') from None
    except BROKEN as error:
        raise BadLabel(f'{path}: not a readable mask ({error})') from error


def by_colour(path: Path, colours: Sequence[Colour]) -> np.ndarray:
    """
    Positions (H, W) uint8 of a mask's colours in a table.

    :raises BadLabel: unreadable, or with a colour that is not in the table.
    """
    rgb = read_rgb(path).astype(np.int32)
    code = rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2]
    ids = np.full(code.shape, -1, np.int16)
    for position, (red, green, blue) in enumerate(colours):
        ids[code == (red << 16 | green << 8 | blue)] = position
    if (ids < 0).any():
        odd = np.unique(code[ids < 0])
        told = ', '.join(f'({c >> 16}, {c >> 8 & 255}, {c & 255})' for c in odd[:5].tolist())
        more = f' and {len(odd) - 5} more' if len(odd) > 5 else ''
        raise BadLabel(f'{path}: colours that no class has: {told}{more}')
    return ids.astype(np.uint8)


def polygon(points: Sequence[float], name: str) -> Callable[[Shape], np.ndarray]:
    """
    Mask of a polygon as COCO fills it.

    :param points: x, y, x, y, ... in pixels, (0, 0) the corner of the first pixel.
    :raises BadLabel: fewer than three corners, or no numbers.
    """
    try:
        flat = np.asarray(points, float).ravel().tolist()
    except (TypeError, ValueError):
        flat = []
    if len(flat) < 6 or len(flat) % 2 or not np.isfinite(flat).all():
        raise BadLabel(f'{name}: a polygon of {len(flat) // 2} points: three or more are needed')

    def mask(shape: Shape) -> np.ndarray:
        from pycocotools import mask as coco
        height, width = shape
        # It counts in 32 bits, and ends the process where they do not suffice.
        if (max(flat[::2]) > 2 * width or min(flat[::2]) < -width
                or max(flat[1::2]) > 2 * height or min(flat[1::2]) < -height):
            raise BadLabel(f'{name}: a polygon with corners far outside its picture of '
                           f'{width}x{height}')
        return coco.decode(coco.merge(coco.frPyObjects([flat], *shape))).astype(bool)
    return mask


def rectangle(left: float, top: float, right: float, bottom: float
              ) -> Callable[[Shape], np.ndarray]:
    """Mask of the pixels whose centres are inside."""
    def mask(shape: Shape) -> np.ndarray:
        ys, xs = (np.arange(side) + 0.5 for side in shape)
        rows = (ys > min(top, bottom)) & (ys < max(top, bottom))
        return rows[:, None] & ((xs > min(left, right)) & (xs < max(left, right)))[None]
    return mask


def pasted(part: np.ndarray, left: int, top: int, name: str) -> Callable[[Shape], np.ndarray]:
    """Mask of a small mask at a place; :raises BadLabel: when painted, it is outside."""
    def mask(shape: Shape) -> np.ndarray:
        height, width = part.shape
        if left < 0 or top < 0 or top + height > shape[0] or left + width > shape[1]:
            raise BadLabel(f'{name}: a mask of {width}x{height} at ({left}, {top}) is not inside '
                           f'its picture of {shape[1]}x{shape[0]}')
        whole = np.zeros(shape, bool)
        whole[top:top + height, left:left + width] = part
        return whole
    return mask


def decode_png(data: bytes, name: str) -> np.ndarray:
    """Mask (H, W) bool in the bytes of a PNG; :raises BadLabel: they are none."""
    values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    if values is None:
        raise BadLabel(f'{name}: a bitmap that can\'t be decoded')
    if values.ndim == 3:
        values = values[..., 3] if values.shape[2] == 4 else values.max(axis=2)
    return values > 0
