"""The samples as a table that a spreadsheet reads."""
from __future__ import annotations

import csv
import os
from pathlib import Path

from effvit_ros.core.process_usage import ProcessUsage


def write_samples(samples, path):
    """Write one line a sample as CSV, in one step."""
    temporary = Path(path).with_suffix('.tmp')
    with open(temporary, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(['at_s'] + [f'{process}_{name}' for process in ('segmenter', 'camera')
                                    for name in ProcessUsage._fields])
        for sample in samples:
            writer.writerow([f'{value:.2f}' for value in (
                sample.at_s, *sample.segmenter, *sample.camera)])
    os.replace(temporary, path)
