"""The command: run every row in its own process, write report.json and report.md."""
from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

from effvit_ros.core.bundle import load_bundle, resolve_model
from effvit_ros.core.errors import reports_user_errors
from effvit_ros.core.machine import has_nvidia_gpu
from effvit_ros.core.runtimes import GPU_ORDER
from effvit_ros.core.whole_file import write_text
from effvit_ros.report.facts import machine, now

#: Seconds that a row may take; a build on a small board takes most of it.
TIMEOUT_S = 3600
#: Row -> the module that measures it; each takes its name, the bundle and the pictures.
ROWS = {**{name: 'effvit_ros.gpu_check.measure' for name in GPU_ORDER},
        'torch': 'effvit_compression.profiling.gpu_yardstick'}


@reports_user_errors
def main(args: Optional[Sequence[str]] = None) -> int:
    """
    Measure what this machine can and write the report.

    Returns 0, or 1 when no row could run.
    """
    options = _parser().parse_args(args)
    bundle = load_bundle(resolve_model(options.bundle))
    rows = {}
    for name in ROWS:
        print(f'{name}: ', end='', flush=True)
        rows[name] = _run(name, bundle.path.resolve(), options.pictures)
        print(rows[name]['status'], flush=True)
    report = {
        'date': now(), 'machine': machine(),
        'gpus': gpus(), 'bundle': bundle.name, 'bundle_sha256': bundle.sha256,
        'pictures': options.pictures or 'made', 'rows': rows}
    folder = Path(options.out)
    write_text(folder / 'report.json', json.dumps(report, indent=2))
    text = as_table(report)
    write_text(folder / 'report.md', text)
    print(f'\n{text}\n{folder / "report.json"}')
    return 0 if any(row['status'] == 'measured' for row in rows.values()) else 1


def as_table(report: Mapping[str, Any]) -> str:
    """Return the report as Markdown: measured rows, then what could not run and why."""
    cards = ', '.join(report['gpus']) or 'no NVIDIA GPU'
    lines = [
        f'{cards}; {report["machine"]["cpu"]}; {report["bundle"]}; {report["date"][:10]}', '',
        '| row | engine p50 / p95 | with copies | 720p through the core | agreement, margin |',
        '|---|---|---|---|---|']
    for name, row in report['rows'].items():
        for part in row.get('parts', [row]) if row['status'] == 'measured' else []:
            times = [part.get(key) for key in ('engine_ms', 'infer_ms', 'core_ms')]
            cells = [f'{t["p50_ms"]:.2f} / {t["p95_ms"]:.2f} ms' if t else '' for t in times]
            parity = part.get('parity')
            cells.append(f'{parity["agreement"]:.2%}, {parity["margin"]:.3f}' if parity else '')
            lines.append(f'| {part.get("description", name)} | ' + ' | '.join(cells) + ' |')
    missing = [f'- {name} did not run: {row["status"]}' for name, row in report['rows'].items()
               if row['status'] != 'measured']
    return '\n'.join(lines + [''] + missing) + '\n'


def gpus() -> List[str]:
    """Return one line for each GPU as nvidia-smi tells it; older Jetsons have none."""
    try:
        result = subprocess.run(
            ['nvidia-smi', '--query-gpu=name,memory.total,driver_version,compute_cap',
             '--format=csv,noheader'],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in result.stdout.splitlines() if line.strip()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m effvit_ros.gpu_check',
        description='Build, check and time a bundle on the GPU of this machine.')
    parser.add_argument('--bundle', default='', metavar='DIR',
                        help="Take this bundle: a folder, or a shipped one's name (default: the "
                             'default one).')
    parser.add_argument('--pictures', default='', metavar='DIR',
                        help='Check parity on these real pictures (default: made ones).')
    parser.add_argument('--out', default='out/gpu', metavar='DIR',
                        help='Write the report into this folder (default: %(default)s).')
    return parser


def _run(name: str, bundle: Path, pictures: str) -> Dict[str, Any]:
    """Return the row, whose ``status`` is ``measured`` or the reason why not."""
    module = ROWS[name]
    if not has_nvidia_gpu():
        return {'status': 'no NVIDIA GPU in this machine'}
    if importlib.util.find_spec(module.split('.')[0]) is None:
        return {'status': 'the package compression is not installed: make setup-train'}
    root = str(Path(__file__).resolve().parents[2])
    paths = [root] + [p for p in os.environ.get('PYTHONPATH', '').split(os.pathsep) if p]
    try:
        result = subprocess.run(
            [sys.executable, '-m', module, name, str(bundle), pictures],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
            timeout=TIMEOUT_S, env=dict(os.environ, PYTHONPATH=os.pathsep.join(paths)))
    except subprocess.TimeoutExpired:
        return {'status': f'it took more than {TIMEOUT_S} s'}
    if result.returncode:
        said = [line for line in result.stderr.splitlines() if line.strip()]
        return {'status': said[-1] if said else f'it ended with code {result.returncode}'}
    return {'status': 'measured', **json.loads(result.stdout.splitlines()[-1])}
