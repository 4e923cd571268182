"""Whose a mask is: the frame that its name tells, where it tells one without doubt."""
from __future__ import annotations

import re
from pathlib import Path
from typing import List, Sequence, Tuple

from effvit_ros.core.errors import UserError
from effvit_ros.core.picture_files import MASK_ENDING

_HOW = ('name masks by index (frame_000012.png) or by stamp (1700000000.123456789.png, seconds '
        'and nanoseconds)')
#: Nanoseconds, or seconds with nine digits of nanoseconds; nothing of a number before.
_STAMP = re.compile(r'(?<![0-9.,])(?:(\d{18,19})|(\d{1,10})\.(\d{9})|(\d{9,10})_(\d{9}))$', re.A)
_INDEX = re.compile(r'(\d{1,9})$', re.A)
#: An index after these would be a fraction, or the rest of a stamp whose zeros were left out.
_PART_OF_A_NUMBER = re.compile(r'\d[.,]$|\d{9,}[_-]$', re.A)
_MONTH, _DAY = '(?:0[1-9]|1[0-2])', '(?:0[1-9]|[12][0-9]|3[01])'
_HOUR, _MINUTE = '(?:[01][0-9]|2[0-3])', '[0-5][0-9]'
_DATE = re.compile('|'.join(f'(?<![0-9]){form}(?![0-9])' for form in (
    f'(?:19|20)[0-9]{{2}}([-_.]?){_MONTH}\\1{_DAY}',
    f'(?:19|20)[0-9]{{2}}{_MONTH}{_DAY}{_HOUR}{_MINUTE}(?:{_MINUTE}[0-9]*)?',
    f'{_DAY}([-_.]){_MONTH}\\2(?:19|20)[0-9]{{2}}',
    f'{_HOUR}([-_.:]){_MINUTE}\\3{_MINUTE}')))


def stamp_or_index(file: Path) -> Tuple[str, int]:
    """
    Return ('stamp', nanoseconds) or ('index', number) as a mask's name tells.

    :raises UserError: it tells neither for certain: dates, parts of stamps, no digits at its end.
    """
    stem = _stem(file)
    stamp = _STAMP.search(stem)
    if stamp:
        parts = [int(part) for part in stamp.groups() if part]
        return 'stamp', parts[0] if len(parts) == 1 else parts[0] * 10**9 + parts[1]
    if _DATE.search(stem):
        raise UserError(f'{file}: the name holds a date or a time of day, which tells no frame: '
                        f'{_HOW}')
    index = _INDEX.search(stem)
    if not index:
        raise UserError(f'{file}: the name ends in no digits: {_HOW}')
    before = stem[:index.start()]
    if before[-1:].isdigit() or _PART_OF_A_NUMBER.search(before):
        raise UserError(f'{file}: the digits at the end are neither a stamp nor an index: {_HOW}')
    return 'index', int(index.group(1))


def frames_of(files: Sequence[Path]) -> Tuple[str, List[int]]:
    """
    Return what masks are named by, 'stamp' or 'index', and the number of each.

    :raises UserError: a name tells nothing, or the names do not all tell the same way.
    """
    numbers = [stamp_or_index(file) for file in files]
    kinds = {kind for kind, _ in numbers}
    folder = files[0].parent
    if len(kinds) > 1:
        raise UserError(f'{folder}: some masks are named by stamp, others by index: '
                        'use one way of naming')
    kind = kinds.pop()
    if kind == 'index':
        first = _before_index(files[0])
        other = next((file for file in files if _before_index(file) != first), None)
        if other is not None:
            raise UserError(f'{folder}: {files[0].name} and {other.name} differ in more than a '
                            f'number at the end: {_HOW}, all alike')
        if len({number for _, number in numbers}) < len(files):
            raise UserError(f'{folder}: two masks have the same index')
    return kind, [number for _, number in numbers]


def _stem(file: Path) -> str:
    stem = file.stem
    return stem[:-len(MASK_ENDING)] if stem.endswith(MASK_ENDING) else stem


def _before_index(file: Path) -> str:
    return _INDEX.sub('', _stem(file))
