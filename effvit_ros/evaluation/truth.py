"""Ground truth of the pictures: a topic of the bag or a folder of masks, found by stamp."""
from __future__ import annotations

import tempfile
from bisect import bisect_left
from pathlib import Path
from typing import Iterable, List, Optional, Sequence, Set, Tuple, Union

import numpy as np
import zstandard

from effvit_ros.bags.bag import Bag
from effvit_ros.bags.label_maps import labels_from_message
from effvit_ros.bags.pictures import read_message, stamp_of
from effvit_ros.bags.problems import Problem, Problems
from effvit_ros.core.errors import UserError
from effvit_ros.core.label_files import LabelError, labels_from_file
from effvit_ros.core.picture_files import mask_files, MASKS, visible
from effvit_ros.core.pixels import PictureError
from effvit_ros.evaluation.mask_names import frames_of


class StampIndex:
    """
    Finds the truth of a frame by its stamp: the same, or the nearest within a tolerance.

    Each truth is given once. Where a stamp occurs several times (a recording that was looped)
    its truths are given in their order.
    """

    def __init__(self, stamps_ns: Iterable[int], tolerance_ns: int = 0) -> None:
        """Index truths 0, 1, ... with these stamps in nanoseconds."""
        self._entries = sorted((stamp, number) for number, stamp in enumerate(stamps_ns))
        self._tolerance_ns = tolerance_ns
        self._used: Set[int] = set()

    def take(self, stamp_ns: int, next_stamp_ns: Optional[int] = None) -> Optional[int]:
        """
        Return the number of the truth for a frame, or None.

        :param next_stamp_ns: the next frame's stamp: a truth nearer to that one is left to it.
        """
        best: Optional[Tuple[int, int]] = None
        position = bisect_left(self._entries, (stamp_ns - self._tolerance_ns, -1))
        while position < len(self._entries):
            stamp, number = self._entries[position]
            position += 1
            if stamp > stamp_ns + self._tolerance_ns:
                break
            distance = abs(stamp - stamp_ns)
            if number in self._used or (best is not None and distance >= best[0]):
                continue
            if next_stamp_ns is not None and distance > abs(stamp - next_stamp_ns):
                continue
            best = distance, number
        if best is None:
            return None
        self._used.add(best[1])
        return best[1]

    @property
    def unused(self) -> List[int]:
        """Return the numbers of the truths that no frame took."""
        return [number for _, number in self._entries if number not in self._used]


class NoTruth:
    """Stands for the truth of a bag that has none."""

    def labels(self, index: int, stamp_ns: int,
               next_stamp_ns: Optional[int]) -> Optional[np.ndarray]:
        """Return None."""

    def report_unused(self, problems: Problems) -> None:
        """Do nothing."""


class TopicTruth:
    """
    The label maps of a topic, wherever in the bag they were recorded.

    They are read once, ahead of the pictures, and kept compressed in a temporary file, so that
    memory stays bounded and labels may have been recorded long before or after their pictures.
    """

    def __init__(self, bag: Bag, topic: str, tolerance_ns: int = 0) -> None:
        """Read the topic; a message that is no label map becomes a problem of the bag."""
        self._spool = tempfile.TemporaryFile()
        self._places: List[Tuple[int, int, Tuple[int, ...]]] = []
        self._compressor = zstandard.ZstdCompressor(level=1)
        self._decompressor = zstandard.ZstdDecompressor()
        self._where = f'{bag.path}: {topic}'
        stamps = []
        for message in bag.messages([topic]):
            try:
                image = read_message(message, bag.topics[topic].type)
                labels = labels_from_message(image)
            except (PictureError, LabelError) as error:
                bag.problems.add('bad_truth', f'{self._where}: {error}', subject=topic)
                continue
            stamps.append(stamp_of(image, message.log_ns))
            self._store(labels)
        self._index = StampIndex(stamps, tolerance_ns)

    def labels(self, index: int, stamp_ns: int,
               next_stamp_ns: Optional[int]) -> Optional[np.ndarray]:
        """Return the label map for the frame of this stamp, (H, W) uint8, or None."""
        number = self._index.take(stamp_ns, next_stamp_ns)
        if number is None:
            return None
        position, size, shape = self._places[number]
        self._spool.seek(position)
        content = self._decompressor.decompress(self._spool.read(size))
        return np.frombuffer(content, np.uint8).reshape(shape)

    def report_unused(self, problems: Problems) -> None:
        """Make a problem of the truths that no frame took."""
        unused = len(self._index.unused)
        if unused:
            problems.add('unused_truth', f'{self._where}: {unused} of {len(self._places)} label '
                                         'maps have the stamp of no picture (see --tolerance)')

    def _store(self, labels: np.ndarray) -> None:
        packed = self._compressor.compress(np.ascontiguousarray(labels).data)
        self._places.append((self._spool.tell(), len(packed), labels.shape))
        self._spool.write(packed)


class FolderTruth:
    """
    A folder of masks named by stamp or by index.

    A name's digits are the frame's index, counted from 0 (``frame_000012.png``), or its stamp:
    nanoseconds (``1700000000123456789.png``) or seconds and nanoseconds
    (``1700000000.123456789.png``, ``1700000000_123456789.png``).
    """

    def __init__(self, folder: Path, tolerance_ns: int = 0) -> None:
        """
        List the folder.

        :raises UserError: there are no masks, or their names do not tell which frames they are
            of.
        """
        self._folder = folder
        self._files = mask_files(folder)
        if not self._files:
            raise UserError(f'{folder}: no masks ({", ".join(MASKS)}) in it')
        kind, numbers = frames_of(self._files)
        self._by_stamp = kind == 'stamp'
        if self._by_stamp:
            self._index = StampIndex(numbers, tolerance_ns)
        else:
            self._by_number = dict(zip(numbers, self._files))
            self._left = set(self._by_number)

    def labels(self, index: int, stamp_ns: int,
               next_stamp_ns: Optional[int]) -> Optional[np.ndarray]:
        """
        Return the mask of a frame, (H, W) uint8, or None.

        :raises LabelError: the file is no label map.
        """
        if self._by_stamp:
            number = self._index.take(stamp_ns, next_stamp_ns)
            file = None if number is None else self._files[number]
        else:
            file = self._by_number.get(index)
            self._left.discard(index)
        return None if file is None else labels_from_file(file)

    def report_unused(self, problems: Problems) -> None:
        """Make a problem of the masks that no frame took."""
        if self._by_stamp:
            unused = [self._files[number] for number in self._index.unused]
        else:
            unused = [self._by_number[number] for number in sorted(self._left)]
        if unused:
            problems.add('unused_truth', f'{self._folder}: {len(unused)} of {len(self._files)} '
                                         f'masks belong to no frame, {unused[0].name} first')


Truth = Union[NoTruth, TopicTruth, FolderTruth]


def mask_folder(folder: Union[str, Path], bag_name: str) -> Optional[Path]:
    """
    Return the folder with a bag's masks, None where the bag has none.

    Where subfolders hold masks, each belongs to the bag of its name.

    :raises UserError: masks lie in the folder itself and in subfolders.
    """
    folder, own = Path(folder), Path(folder) / bag_name
    if own.is_dir():
        return own
    parts = folders_with_masks(folder)
    if parts and mask_files(folder):
        raise UserError(f'{folder}: masks lie in the folder itself and in {parts[0].name}: '
                        'give each bag a subfolder of its name')
    return None if parts else folder


def folders_with_masks(folder: Path) -> List[Path]:
    """Return the subfolders that hold masks, in natural order."""
    return [path for path in visible(folder) if path.is_dir() and mask_files(path)]


def check_mask_folder(folder: Union[str, Path], bag_names: Sequence[str]) -> List[Problem]:
    """
    Return the :class:`~effvit_ros.bags.problems.Problem` of a folder without masks of any bag.

    That some bags have none is no problem.

    :param bag_names: of all bags that are evaluated together.
    :raises UserError: masks without stamps would belong to several bags.
    """
    folders = {name: mask_folder(folder, name) for name in bag_names}
    taken = {found for found in folders.values() if found is not None}
    for found in taken:
        owners = [name for name in bag_names if folders[name] == found]
        files = mask_files(found)
        if len(owners) > 1 and files and frames_of(files)[0] == 'index':
            raise UserError(f'{found}: masks named by index, but {len(owners)} bags would take '
                            'them: give each bag a subfolder of its name, or name them by stamp')
    if taken:
        return []
    return [Problem('no_truth', f'--truth-dir {folder}: holds masks of '
                    f'{", ".join(part.name for part in folders_with_masks(Path(folder)))}, not of '
                    f'{", ".join(bag_names)}')]


def open_truth(bag: Bag, topic: str = '', folder: Optional[Path] = None,
               tolerance_ns: int = 0) -> Truth:
    """Return the truth from ``folder``, else from ``topic``, else :class:`NoTruth`."""
    if folder is not None:
        return FolderTruth(folder, tolerance_ns)
    return TopicTruth(bag, topic, tolerance_ns) if topic else NoTruth()
