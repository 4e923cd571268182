"""
The child process of a build: ``python -m effvit_ros.core.runtimes.tensorrt.build_job JOB``.

A build takes more memory than a small board may have, and gives little of it back. In a
process of its own, the kernel's out-of-memory killer ends the build and not the node, and all
memory returns. JOB is a :class:`BuildJob` as JSON. The child writes the name of each phase on
stdout, ends when its stdin closes (its parent is gone), and mistakes end it with one line.
"""
from __future__ import annotations

import json
import os
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, Optional, Sequence, Tuple

from effvit_ros.core.bundle import Bundle, load_bundle
from effvit_ros.core.errors import reports_user_errors
from effvit_ros.core.graph import Graph
from effvit_ros.core.runtimes.tensorrt.builder import build
from effvit_ros.core.runtimes.tensorrt.cuda import Cuda, first_gpu
from effvit_ros.core.runtimes.tensorrt.key import EngineKey, key_for
from effvit_ros.core.runtimes.tensorrt.library import Library
from effvit_ros.core.runtimes.tensorrt.store import engine_name, write_engine
from effvit_ros.core.whole_file import write_bytes


@dataclass(frozen=True)
class BuildJob:
    """
    What to build.

    ``out`` is the engine's path or, where it ends in a slash, its folder; ``timing`` the
    folder of the timing cache. Without ``compute_capabilities`` the engine is for this
    machine's GPU. ``check`` runs it against the graph on the pictures of ``pictures`` ('':
    made ones) before it is written.
    """

    bundle: str
    runtime: str
    out: str
    timing: str
    workspace_mb: int = 256
    compute_capabilities: Tuple[str, ...] = ()
    check: bool = False
    pictures: str = ''

    def as_json(self) -> str:
        """Return the text that :func:`main` takes."""
        return json.dumps(asdict(self))


@reports_user_errors
def main(args: Optional[Sequence[str]] = None) -> int:
    """Build, check and write one engine; prints its path last. Returns the exit code."""
    job = BuildJob(**json.loads((sys.argv[1:] if args is None else args)[0]))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    library = Library(job.runtime)
    bundle = load_bundle(job.bundle)
    if job.compute_capabilities:
        print(_build(job, library, bundle, None), flush=True)
        return 0
    cuda = Cuda()
    try:
        print(_build(job, library, bundle, cuda), flush=True)
    finally:
        cuda.close()
    return 0


def _build(job: BuildJob, library: Library, bundle: Bundle, cuda: Optional[Cuda]) -> Path:
    started = time.monotonic()
    gpu, capabilities = '', job.compute_capabilities
    if cuda is not None:
        gpu, capabilities = first_gpu().name, (first_gpu().compute_capability,)
    key = key_for(library, bundle, gpu, capabilities)
    graph = library.graph(bundle)
    timing_path = Path(job.timing) / _timing_name(key)
    timing = timing_path.read_bytes() if timing_path.is_file() else b''
    data, timing = build(
        library, graph, job.workspace_mb, timing,
        capabilities if library.for_rtx else (), lambda name: print(name, flush=True))
    facts = {'date': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()),
             'seconds': round(time.monotonic() - started, 1), 'workspace_mb': job.workspace_mb}
    if job.check:
        print('checking the engine against the graph', flush=True)
        facts['parity'] = _check(job, library, bundle, graph, data, cuda)
    if timing:
        write_bytes(timing_path, timing)
    path = Path(job.out)
    if job.out.endswith('/'):
        path = path / engine_name(bundle, key)
    write_engine(path, data, bundle, key, facts)
    return path


def _check(job: BuildJob, library: Library, bundle: Bundle, graph: Graph, data: bytes,
           cuda: Optional[Cuda]) -> Dict[str, Any]:
    from effvit_ros.core.runtimes.tensorrt.engine_runner import EngineRunner
    from effvit_ros.core.runtimes.tensorrt.parity import measure_parity, require_parity
    from effvit_ros.core.runtimes.tensorrt.sample_pictures import sample_pictures
    pictures = sample_pictures(bundle, job.pictures)
    runner = EngineRunner(library, data, bundle, graph, cuda, 'the new engine')
    try:
        parity = measure_parity(bundle, runner, pictures)
    finally:
        runner.close()
    require_parity(parity, f'the engine of {graph.path}')
    return parity._asdict()


def _timing_name(key: EngineKey) -> str:
    text = f'{key.runtime}_{key.version}_{key.gpu}_{key.compute_capability}.timing'
    return ''.join(c if c.isalnum() or c in '._-' else '-' for c in text)


def _end_with_parent() -> None:
    # Not sys.stdin, whose lock a daemon thread would hold when the interpreter ends.
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == '__main__':
    sys.exit(main())
