"""Command ``effvit-compress``: parses, calls the function that does the work, prints."""
from __future__ import annotations

import argparse
import sys
from typing import Optional, Sequence

from effvit_compression.commands import (
    ablate,
    adapt,
    budget,
    cross,
    data,
    data_import,
    evaluate,
    export,
    import_,
    info,
    peers,
    profile,
    quantize,
    run,
    views,
)
from effvit_compression.files import told
from effvit_ros.core.errors import reports_user_errors

COMMANDS = (run, ablate, evaluate, cross, profile, info, data, data_import, export, quantize,
            adapt, import_, views, peers, budget)


def build_parser() -> argparse.ArgumentParser:
    """Parser with one sub-command for each module of ``commands``."""
    parser = argparse.ArgumentParser(
        prog='effvit-compress', description='Compress segmenters and measure what it costs.')
    subparsers = parser.add_subparsers(required=True, metavar='COMMAND')
    for module in COMMANDS:
        name = module.__name__.rsplit('.', 1)[-1].strip('_').replace('_', '-')
        summary = (module.__doc__ or '').strip().splitlines()[0]
        verb = subparsers.add_parser(name, help=summary, description=summary)
        verb.set_defaults(carry_out=module.run)
        module.add_arguments(verb)
    return parser


@reports_user_errors
def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run a command; the exit code is 0, or 2 after a mistake of the user's."""
    arguments = build_parser().parse_args(argv)
    with told():
        return arguments.carry_out(arguments)


if __name__ == '__main__':
    sys.exit(main())
