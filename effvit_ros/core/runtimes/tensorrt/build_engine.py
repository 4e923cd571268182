"""The command ``build_engine``: a bundle in, an engine with its sidecar out."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Optional, Sequence, Tuple

from effvit_ros.core import cli
from effvit_ros.core.bundle import load_bundle, resolve_model
from effvit_ros.core.errors import reports_user_errors, UserError
from effvit_ros.core.machine import has_nvidia_gpu
from effvit_ros.core.runtimes.tensorrt.build_job import BuildJob
from effvit_ros.core.runtimes.tensorrt.builder import supported_capabilities
from effvit_ros.core.runtimes.tensorrt.building import run_build
from effvit_ros.core.runtimes.tensorrt.cuda import first_gpu
from effvit_ros.core.runtimes.tensorrt.library import Library
from effvit_ros.core.runtimes.tensorrt.store import cache_folder, require_writable, SUFFIX


@reports_user_errors
def main(args: Optional[Sequence[str]] = None) -> int:
    """Build one engine and print its path; returns the exit code."""
    options = _parser().parse_args(args)
    bundle = load_bundle(resolve_model(options.bundle))
    runtime = options.runtime.replace('-', '_')
    library = Library(runtime)
    library.graph(bundle)
    out, folder = _destination(options.out)
    require_writable(folder)
    path = run_build(
        BuildJob(
            bundle=str(bundle.path.resolve()), runtime=runtime, out=out,
            timing=str(cache_folder() if not options.out else folder),
            workspace_mb=options.workspace_mb,
            compute_capabilities=_targets(library, options),
            check=options.check or bool(options.pictures), pictures=options.pictures),
        lambda line: print(line, file=sys.stderr, flush=True))
    print(path)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='build_engine', description='Build the TensorRT engine of a bundle for this '
        "machine's GPU. It lies where the node finds it, with a sidecar that says what it fits.")
    parser.add_argument('--bundle', default='', metavar='DIR',
                        help="Take this bundle: a folder, or a shipped one's name (default: the "
                             'default one).')
    parser.add_argument('--runtime', default='tensorrt', choices=('tensorrt', 'tensorrt-rtx'),
                        help='Build with this library (default: %(default)s).')
    parser.add_argument('--out', default='', metavar='FILE',
                        help=f"The engine's path, ending in {SUFFIX}, or a folder; DIR/engines is "
                             "searched by the node (default: the user's cache folder).")
    parser.add_argument('--workspace-mb', type=cli.count_from_one, default=256, metavar='MB',
                        help='Let kernels use so much memory besides the weights (default: 256).')
    parser.add_argument('--check', action='store_true',
                        help='Compare the engine with the graph and refuse a bad one.')
    parser.add_argument('--pictures', default='', metavar='DIR',
                        help='Check on these pictures; implies --check (default: made ones).')
    parser.add_argument('--compute-capabilities', default='', metavar='LIST',
                        help='With tensorrt_rtx: compile for these GPUs, such as 8.6,8.9, or all; '
                             "needs none (default: this machine's GPU; all where it has none).")
    return parser


def _destination(out: str) -> Tuple[str, Path]:
    """Return (the engine's path or a folder with a slash at its end, the folder)."""
    if not out:
        return f'{cache_folder()}/', cache_folder()
    path = Path(out).expanduser().absolute()
    if path.suffix == SUFFIX:
        return str(path), path.parent
    if path.suffix:
        raise UserError(f"--out '{out}': give a name ending in {SUFFIX}, or a folder")
    return f'{path}/', path


def _targets(library: Library, options: argparse.Namespace) -> Tuple[str, ...]:
    """Return the compute capabilities to compile ahead for; () for this machine's GPU."""
    text, check = options.compute_capabilities, options.check or bool(options.pictures)
    if not text and library.for_rtx and not check and not has_nvidia_gpu():
        text = 'all'
        print('no NVIDIA GPU here: compiling ahead for all that this release knows',
              file=sys.stderr)
    if not text:
        first_gpu()
        return ()
    if not library.for_rtx:
        raise UserError('--compute-capabilities is for tensorrt-rtx: '
                        'TensorRT builds only for the GPU that it runs on')
    if check:
        raise UserError('--check runs the engine, so it needs the GPU: '
                        'leave --compute-capabilities away')
    supported = supported_capabilities(library)
    chosen = supported if text == 'all' else [t.strip() for t in text.split(',')]
    unknown = [c for c in chosen if c not in supported]
    if unknown:
        raise UserError(f"--compute-capabilities '{', '.join(unknown)}': {library.name} "
                        f'{library.version} compiles for {", ".join(supported)}')
    return tuple(chosen)


if __name__ == '__main__':
    sys.exit(main())
