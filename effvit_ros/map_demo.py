"""What ``make map-demo`` runs: a simulated flight is recorded and mapped, twice."""
from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from effvit_ros.core.cli import count, count_from_one
from effvit_ros.core.errors import reports_user_errors
from effvit_ros.core.libraries import need
from effvit_ros.core.missing import MAPPING, READING
from effvit_ros.core.whole_file import write_text

#: Errors of the second flight: metres and degrees of sigma.
ERRORS = ['--gps-sigma', '2', '--heading-sigma', '1', '--tilt-sigma', '1']
#: Three rounds, each at another height: what a network takes for something else from one height
#: it often knows from another.
ROUNDS = ['--altitudes', '0.55,0.85,1.3', '--round', '110', '--rate', '0.9']
#: By how much the fused map is to be better than the labels of single pictures.
WANTED_GAIN = 0.03
_SCORES = ('ground_miou_single', 'ground_miou_fused', 'position_error_m_p50',
           'position_error_m_p95', 'seconds_per_frame', 'alert_scores', 'ground_iou')


@reports_user_errors
def main(args: Optional[Sequence[str]] = None) -> int:
    """Make both maps and return the exit code: 1 where fusing does not gain what it should."""
    options = _parse(args)
    need(*READING, *MAPPING, 'rich')
    out = Path(options.out)
    exact = _fly_and_map(options, out / 'flight', out, [])
    erring = _fly_and_map(options, out / 'erring' / 'flight', out / 'erring', ERRORS)
    exact['with_errors'] = {'errors': ' '.join(ERRORS), **{k: erring[k] for k in _SCORES}}
    exact['fusion_does_not_help'] = {
        'exact poses': _worse(exact), 'erring poses': _worse(erring)}
    write_text(out / 'report.json', json.dumps(exact, indent=1) + '\n')
    enough = True
    for name, report in (('exact poses', exact), ('erring poses', erring)):
        gain = report['ground_miou_fused'] - report['ground_miou_single']
        enough &= gain >= WANTED_GAIN
        print(f"{name}: mIoU on the ground {report['ground_miou_single']:.3f} of single "
              f"pictures, {report['ground_miou_fused']:.3f} fused ({gain:+.3f}); worse fused: "
              f"{', '.join(_worse(report)) or 'no class'}")
    if not enough:
        print(f'fusing gains less than {WANTED_GAIN}', file=sys.stderr)
    return 0 if enough else 1


def _fly_and_map(options: argparse.Namespace, bag: Path, out: Path,
                 errors: Sequence[str]) -> Dict[str, Any]:
    """Record a flight, map it, and return the report."""
    from effvit_ros.mapping.map_bag import main as map_bag
    from effvit_ros.render_flight import main as render_flight
    truth = f'{bag}_truth'
    for folder in (bag, truth):
        shutil.rmtree(folder, ignore_errors=True)
    _run(render_flight, ['--bag', str(bag), '--seed', str(options.seed), '--size', '640x480',
                         '--frames', str(options.frames), *ROUNDS, *errors])
    _run(map_bag, [str(bag), '--truth', truth, '--bundle', options.model, '--out', str(out)])
    return json.loads((out / 'report.json').read_text(encoding='utf-8'))


def _run(command: Callable[[Sequence[str]], int], arguments: Sequence[str]) -> None:
    code = command(arguments)
    if code:
        raise SystemExit(code)


def _worse(report: Mapping[str, Any]) -> List[str]:
    """Return the classes whose IoU is no better fused."""
    return [name for name, iou in report['ground_iou'].items() if iou['fused'] <= iou['single']]


def _parse(args: Optional[Sequence[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='python -m effvit_ros.map_demo',
                                     description=__doc__)
    parser.add_argument('--out', default='out/map', metavar='DIR',
                        help='Write the results into this folder (default: %(default)s).')
    parser.add_argument('--model', default='',
                        help="Fly this bundle: a folder, or a shipped one's name (default: the "
                             'shipped default).')
    # A flight that the shipped models were not trained on.
    parser.add_argument('--seed', type=count, default=2003,
                        help='Draw what is left to chance from this seed (default: %(default)s).')
    parser.add_argument('--frames', type=count_from_one, default=300, metavar='N',
                        help='Fly so many frames (default: %(default)s).')
    return parser.parse_args(args)


if __name__ == '__main__':
    sys.exit(main())
