"""The command behind ``make soak``: parse, run, write, print."""
from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Optional, Sequence, TYPE_CHECKING

from effvit_ros.core import cli
from effvit_ros.core.bundle import load_bundle, resolve_model
from effvit_ros.core.errors import reports_user_errors
from effvit_ros.core.runtimes import RUNTIMES
from effvit_ros.harness.processes import free_domain_id, node_environment
from effvit_ros.soak.record import Record

if TYPE_CHECKING:
    from rich.console import Console

    from effvit_ros.soak.report import SoakReport

#: Frames that the camera renders before the start and repeats, so that its work is small.
FRAMES = 90
#: Seconds between two writings of the report so far.
_WRITE_S = 60
#: Seconds between two lines where the output is no terminal.
_LINE_S = 10


@reports_user_errors
def main(args: Optional[Sequence[str]] = None) -> int:
    """
    Soak and return the exit code.

    0: every limit is met. 1: one is missed. 130: interrupted; the report so far is written.
    """
    options = _parse(args)
    from rich.console import Console
    model = resolve_model(options.model)
    bundle = load_bundle(model)
    os.environ.update(node_environment(free_domain_id()))
    asked = _Interruption()
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    record = Record()
    # The report knows ROS: imported once the environment is set.
    from effvit_ros.soak.report import SoakReport
    report = SoakReport(options, bundle, record, out)
    console = Console()
    finished = _run(options, model, record, report, console, asked)
    report.finish(finished)
    missed = report.show(console)
    return 130 if asked.came else int(missed)


def _run(options: argparse.Namespace, model: Path, record: Record, report: SoakReport,
         console: Console, asked: _Interruption) -> bool:
    from effvit_ros.report.progress import Status
    from effvit_ros.soak.run import soak
    width, height = options.size
    camera = {'source': 'flight', 'prerecord': FRAMES, 'width': width, 'height': height,
              'rate_hz': options.rate}
    segmenter = {'model': str(model.resolve()), 'runtime': options.runtime,
                 'threads': options.threads}
    with Status(console) as progress:
        def tell(text: Optional[str] = None) -> None:
            count = len(record.samples)
            if text or console.is_terminal or count % _LINE_S == 0:
                progress.say(text or report.line())
            if count and count % _WRITE_S == 0:
                report.write()
        return soak(camera, segmenter, options.minutes * 60, report.folder, record,
                    lambda: asked.came, tell)


class _Interruption:
    """SIGINT and SIGTERM end the run in good order."""

    def __init__(self) -> None:
        self.came = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._come)

    def _come(self, _number: int, _frame: Optional[FrameType]) -> None:
        self.came = True


def _parse(args: Optional[Sequence[str]]) -> argparse.Namespace:
    given = list(sys.argv[1:] if args is None else args)
    parser = argparse.ArgumentParser(
        prog='python -m effvit_ros.soak',
        description='Run camera and segmenter under full load and watch for leaks, slowing '
        'down and errors.')
    parser.add_argument('--minutes', type=cli.positive, default=30.0,
                        help='Run for so long after the first label map (default: %(default)g).')
    parser.add_argument('--rate', type=cli.positive, default=30.0, metavar='HZ',
                        help="Let the camera run at this rate (default: %(default)g).")
    parser.add_argument('--size', type=cli.size, default=(640, 480), metavar='WxH',
                        help='Let pictures have this size (default: 640x480).')
    parser.add_argument('--model', default='',
                        help="Fly this bundle: a folder, or a shipped one's name (default: the "
                             'shipped default).')
    parser.add_argument('--runtime', default='auto', choices=('auto',) + tuple(RUNTIMES),
                        help='Execute the graph in this runtime (default: %(default)s).')
    parser.add_argument('--threads', type=cli.count, default=0,
                        help='Use so many CPU threads for inference (default: all).')
    parser.add_argument('--out', default='out/soak',
                        help='Write the report into this folder (default: %(default)s).')
    options = parser.parse_args(given)
    options.given = given
    return options
