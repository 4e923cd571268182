"""What can be wrong with a bag: one clear line for each thing, and what happened because of it."""
from __future__ import annotations

from typing import Dict, Iterator, NamedTuple, Optional, Tuple, Type

from effvit_ros.core.errors import UserError

#: Kind -> what it means and what is done about it; the kinds that ``--accept`` takes.
KINDS = {
    'no_metadata': 'metadata.yaml is missing: the storage files are read as they are',
    'missing_file': 'a storage file that metadata.yaml names is missing: the others are read',
    'unnamed_file': 'a storage file lies next to those that metadata.yaml names: it is not read',
    'count': 'a topic has another number of messages than the bag itself says',
    'truncated': 'a file ends in the middle: what is before is read',
    'damaged': 'a file cannot be read on from some point: what is before is read',
    'unreadable': 'the bag cannot be opened: it is left out',
    'empty': 'there is nothing to evaluate: the bag is left out',
    'no_image_topic': 'no topic holds pictures: the bag is left out',
    'ambiguous_topic': 'several topics hold pictures and none was named: the bag is left out',
    'unknown_type': 'a message type has no definition: its topic is not read',
    'bit_depth': '16-bit pictures fill fewer bits: they are taken as their values tell',
    'bad_frame': 'a picture cannot be decoded: it is left out',
    'stamps_back': 'time stamps jump back: frames are taken in recorded order, and no flips are '
                   'counted across the jump',
    'truth_size': 'a truth has another size than its picture: the frame is not scored',
    'truth_ids': 'a truth holds ids that the bundle has no class for: these pixels are not scored',
    'bad_truth': 'a truth cannot be decoded: its frame is not scored',
    'turned': 'a picture is stored turned (EXIF), and nothing tells whether its truth is: the '
              'frame is not scored',
    'hidden_class': 'all truth is 0 or the ignored 255: one of two classes is not scored',
    'no_truth': 'truth was asked for, and not one frame has any',
    'unused_truth': 'a truth belongs to no frame: it is not used',
    'failed': 'the evaluation of the bag broke off: the bag is left out',
}


class BagError(UserError):
    """A bag that can't be evaluated at all; ``kind`` is one of :data:`KINDS`."""

    def __init__(self, kind: str, message: str) -> None:
        """Keep the kind with the message."""
        super().__init__(message)
        self.kind = kind

    def __reduce__(self) -> Tuple[Type[BagError], Tuple[str, str]]:
        """Let the error pass between processes."""
        return type(self), (self.kind, str(self))


class Problem(NamedTuple):
    """One thing that was found wrong with a bag: its kind, one line of text, how often."""

    kind: str
    text: str
    count: int = 1  # type: ignore[assignment]  # hides tuple's method

    def line(self) -> str:
        """Return the text with the number of further cases."""
        more = self.count - 1
        return self.text if not more else f'{self.text} (and {more} more like it)'


class Problems:
    """Collects problems; those of one kind and subject become one line with a count."""

    def __init__(self) -> None:
        """Start without any."""
        self._found: Dict[Tuple[str, str], Tuple[str, int]] = {}

    def add(self, kind: str, text: str, subject: Optional[str] = None) -> None:
        """
        Note a problem.

        :param kind: one of :data:`KINDS`.
        :param subject: problems of one kind about one subject are counted, the first is told;
            None takes the text itself.
        """
        key = kind, text if subject is None else subject
        first, count = self._found.get(key, (text, 0))
        self._found[key] = first, count + 1

    def add_once(self, kind: str, text: str) -> None:
        """Note a problem that is met each time the bag is read."""
        self._found.setdefault((kind, text), (text, 1))

    def __iter__(self) -> Iterator[Problem]:
        """Yield each :class:`Problem`, in the same order whatever was found first."""
        order = list(KINDS)
        found = [Problem(kind, *case) for (kind, _), case in self._found.items()]
        return iter(sorted(found, key=lambda p: (order.index(p.kind), p.text)))
