"""Times that were measured, kept in a file so that a search goes on where it ended."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Dict, Optional

from effvit_compression.budget.candidates import Candidate
from effvit_compression.budget.cost_model import Cost, Part
from effvit_ros.core.errors import UserError
from effvit_ros.core.whole_file import write_json
from effvit_ros.report.facts import machine, versions

#: Distributions that can change a time.
PACKAGES = ('openvino', 'onnxruntime', 'nncf', 'torch', 'timm', 'segmentation-models-pytorch',
            'torch-pruning')


class Times:
    """
    What was measured on this machine, with this runtime and so many threads.

    A file of another machine, or of other versions, is begun anew; ``kept`` says whether this
    one was.
    """

    def __init__(self, path: Path, runtime: str, threads: int):
        """Read what is there; :raises UserError: there is another file in its place."""
        self._path = path
        self._facts = {'cpu': machine()['cpu'], 'runtime': runtime, 'threads': threads,
                       'versions': versions(PACKAGES)}
        found = self._read()
        self.kept = found.get('facts') == self._facts
        entries = found if self.kept else {}
        self._parts: Dict[str, list] = entries.get('parts', {})
        self._whole: Dict[str, float] = entries.get('whole', {})
        self._around: Optional[float] = entries.get('around_ms')

    def part(self, part: Part, side: int) -> Optional[Cost]:
        """Return what a part costs for an input of that side, None where it is not known."""
        cost = self._parts.get(key(part, side))
        return None if cost is None else Cost(*cost)

    def put_part(self, part: Part, side: int, cost: Cost) -> None:
        """Keep what was measured."""
        self._parts[key(part, side)] = [round(value, 5) for value in cost]
        self._write()

    def whole(self, candidate: Candidate) -> Optional[float]:
        """Return the milliseconds of a whole graph, None where it was not measured."""
        return self._whole.get(candidate.name)

    def put_whole(self, candidate: Candidate, ms: float) -> None:
        """Keep what was measured."""
        self._whole[candidate.name] = round(ms, 5)
        self._write()

    @property
    def around_ms(self) -> Optional[float]:
        """Return the milliseconds around a graph, None where they were not measured."""
        return self._around

    @around_ms.setter
    def around_ms(self, ms: float) -> None:
        self._around = round(ms, 5)
        self._write()

    def _read(self) -> dict:
        try:
            found = json.loads(self._path.read_text(encoding='utf-8'))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise UserError(f'{self._path}: no file of measured times ({error}): remove it, or '
                            'give another place by --out') from error
        if not isinstance(found, dict) or 'facts' not in found:
            raise UserError(f'{self._path}: no file of measured times: remove it, or give another '
                            'place by --out')
        return found

    def _write(self) -> None:
        write_json(self._path, {'facts': self._facts, 'around_ms': self._around,
                                'parts': self._parts, 'whole': self._whole})


def key(part: Part, side: int) -> str:
    """Return the name of a part at a side in the file."""
    return f'{part.kind} {part.encoder} {part.option} cut {part.cut:g} {part.precision} at {side}'
