"""The samples as a table that a spreadsheet reads."""
from __future__ import annotations

import csv
import io
from typing import Sequence, TYPE_CHECKING, Union

from effvit_ros.core.process_usage import ProcessUsage
from effvit_ros.core.whole_file import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from effvit_ros.soak.record import Sample


def write_samples(samples: Sequence[Sample], path: Union[str, Path]) -> None:
    """Write one line a sample as CSV, in one step."""
    table = io.StringIO(newline='')
    writer = csv.writer(table)
    writer.writerow(['at_s'] + [f'{process}_{name}' for process in ('segmenter', 'camera')
                                for name in ProcessUsage._fields])
    for sample in samples:
        writer.writerow([f'{value:.2f}' for value in (
            sample.at_s, *sample.segmenter, *sample.camera)])
    write_text(path, table.getvalue())
