"""A folder of pictures, in the order of their names, with label pictures where there are any."""
from __future__ import annotations

from pathlib import Path
from typing import Callable, Optional, Set, Union

import numpy as np

from effvit_ros.core.errors import UserError
from effvit_ros.core.label_files import LabelError
from effvit_ros.core.labelled_pictures import read_labels, read_picture
from effvit_ros.core.picture_files import mask_file, picture_files
from effvit_ros.core.pixels import Picture
from effvit_ros.ros.camera.sources.base import FrameSource, SourceFrame

#: Name of a labels folder that is taken before others.
LPCV_LABELS = 'labels_lpcv14'
NO_LABELS = 'none'


class FolderSource(FrameSource):
    """
    The pictures of one folder, each in its own size.

    Truth: index PNG of the same stem (or STEM_mask) and size, ids in the model's class order.
    ``labels_path`` names their folder; '' looks next to the pictures (``x/labels*`` for
    ``x/images``, ``x/labels*/val`` for ``x/images/val``) and takes ``labels_lpcv14`` or else
    the only one there is; 'none' looks nowhere.

    What can't be read is skipped and said once for each file.
    """

    def __init__(self, path: Union[str, Path], labels_path: Union[str, Path] = '',
                 loop: bool = True, say: Callable[[str], object] = print) -> None:
        """
        List the folder.

        :raises UserError: no such folder, no picture in it, or no such labels folder.
        """
        self._folder = Path(path).expanduser()
        self._files = picture_files(self._folder)
        self._say = say
        self._loop = loop
        self._next = 0
        self._misses = 0
        self._refused: Set[Union[str, Path]] = set()
        self._labels = _labels_folder(self._folder, labels_path, say)
        self.has_truth = self._labels is not None
        self.description = f'{len(self._files)} pictures of {self._folder}'
        if self.has_truth:
            self.description += f' with labels of {self._labels}'

    @property
    def skipped(self) -> int:
        """Return how many different files could not be read."""
        return len(self._refused)

    def read(self) -> Optional[SourceFrame]:
        """Return the next readable picture."""
        while True:
            if self._next == len(self._files):
                if not self._loop:
                    return None
                self._next = 0
            file = self._files[self._next]
            self._next += 1
            try:
                picture = read_picture(file)
            except UserError as error:
                self._refuse(file, f'{error}, skipped')
            else:
                self._misses = 0
                return SourceFrame(picture.bgr(), self._read_labels(file, picture))
            self._misses += 1
            if self._misses >= len(self._files):
                raise UserError(f'{self._folder}: none of its {len(self._files)} pictures '
                                'can be read')

    def _read_labels(self, image_file: Path, picture: Picture) -> Optional[np.ndarray]:
        if self._labels is None:
            return None
        try:
            mask = mask_file(image_file, self._labels)
            if mask is None:
                raise LabelError(f'{self._labels / image_file.stem}.png: missing')
            return read_labels(mask, picture, image_file)
        except UserError as error:
            self._refuse(image_file.stem, f'{error}: this picture goes without truth')
            return None

    def _refuse(self, file: Union[str, Path], why: str) -> None:
        if file not in self._refused:
            self._refused.add(file)
            self._say(f'{why} ({self.skipped} files so far)')


def _labels_folder(images: Path, labels_path: Union[str, Path],
                   say: Callable[[str], object]) -> Optional[Path]:
    """Return the folder of label pictures, or None."""
    if labels_path == NO_LABELS:
        return None
    if labels_path:
        folder = Path(labels_path).expanduser()
        if not folder.is_dir():
            raise UserError(f"{labels_path}: no such folder of label pictures "
                            f"(give '{NO_LABELS}' to go without)")
        return folder
    images = images.resolve()
    if images.name == 'images':
        found = [f for f in images.parent.glob('labels*') if f.is_dir()]
    else:
        found = [f / images.name for f in images.parent.parent.glob('labels*')
                 if images.parent.name == 'images' and (f / images.name).is_dir()]
    preferred = [f for f in found if LPCV_LABELS in (f.name, f.parent.name)]
    if preferred or len(found) == 1:
        return (preferred or found)[0]
    if found:
        say(f'{len(found)} folders of labels next to {images}, none taken: name one as '
            'labels_path')
    return None
