"""Engine files with their sidecars on disk: found by key, checked by hash, written whole."""
from __future__ import annotations

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Union

import yaml

from effvit_ros.core.bundle import Bundle
from effvit_ros.core.errors import UserError
from effvit_ros.core.runtimes.tensorrt.key import EngineKey
from effvit_ros.core.whole_file import write_bytes, write_text

FORMAT_VERSION = 1
SUFFIX = '.engine'
#: Appended to the engine's file name.
SIDECAR_SUFFIX = '.yaml'
#: Names another folder for engines that are built on first use.
CACHE_VARIABLE = 'EFFVIT_ENGINE_CACHE'
_HEADER = ('# What this engine fits. Loading an engine runs code: keep both files together, and\n'
           '# only where nobody else can write.\n')


class EngineError(UserError):
    """An engine that can't be had: one line that names the file, the reason and the fix."""


@dataclass(frozen=True)
class Lookup:
    """
    What a search gave.

    Either ``data``, the checked bytes of the engine at ``path``, or ``reason``: why there is
    none, in one phrase.
    """

    data: Optional[bytes]
    path: Optional[Path]
    reason: str


def cache_folder() -> Path:
    """Return the user's folder for engines; it need not exist yet."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named).expanduser()
    base = os.environ.get('XDG_CACHE_HOME') or '~/.cache'
    return Path(base).expanduser() / 'effvit_ros' / 'engines'


def search_folders(bundle: Bundle) -> List[Path]:
    """Return where engines for ``bundle`` are looked for, in this order."""
    return [bundle.path / 'engines', cache_folder()]


def engine_name(bundle: Bundle, key: EngineKey) -> str:
    """Return the file name of a new engine: readable, and another one for another key."""
    digest = hashlib.sha256(repr(key).encode()).hexdigest()[:12]
    parts = (bundle.name, key.precision, f'{key.runtime}{key.version}', key.gpu, digest)
    return re.sub(r'[^\w.-]+', '-', '_'.join(parts)) + SUFFIX


def find_engine(bundle: Bundle, wanted: EngineKey) -> Lookup:
    """
    Return the :class:`Lookup` of an engine that fits the key ``wanted``.

    A damaged engine or sidecar is passed over and named; so is the one that misses by the
    fewest fields.
    """
    refused, misfits = [], []
    for folder in search_folders(bundle):
        for sidecar in sorted(folder.glob(f'*{SUFFIX}{SIDECAR_SUFFIX}')):
            try:
                content = _read_sidecar(sidecar)
                differences = content['key'].differences(wanted)
                if not differences:
                    path = sidecar.with_name(content['engine']['file'])
                    return Lookup(_checked_bytes(path, content['engine']['sha256']), path, '')
            except EngineError as error:
                refused.append(str(error))
                continue
            if content['bundle'] == bundle.name and content['key'].runtime == wanted.runtime:
                misfits.append((len(differences), sidecar.name[:-len(SIDECAR_SUFFIX)],
                                ', '.join(differences)))
    if refused:
        return Lookup(None, None, refused[0])
    if misfits:
        _, name, differences = min(misfits)
        return Lookup(None, None, f'the engine {name} was built for another {differences}')
    places = ' or '.join(str(folder) for folder in search_folders(bundle))
    return Lookup(None, None, f'no {wanted.runtime} engine of {bundle.name} in {places}')


def require_writable(folder: Path) -> None:
    """
    Make ``folder`` and try to write into it: a build takes minutes, so first.

    :raises EngineError: it can't be written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=str(folder)):
            pass
    except OSError as error:
        raise EngineError(
            f'{folder}: engines cannot be kept there ({error.strerror}): make it writable or '
            f'name another folder in {CACHE_VARIABLE}') from None


def write_engine(path: Union[str, Path], data: bytes, bundle: Bundle, key: EngineKey,
                 build: Mapping[str, Any]) -> None:
    """
    Write engine and sidecar, each whole or not at all, the sidecar last.

    :param build: facts about the build for whoever reads the sidecar.
    :raises UserError: the folder can't be written or the disk is full.
    """
    path = Path(path)
    content = {
        'format_version': FORMAT_VERSION, 'bundle': bundle.name, 'key': key.as_mapping(),
        'engine': {'file': path.name, 'sha256': hashlib.sha256(data).hexdigest(),
                   'bytes': len(data)},
        'build': dict(build)}
    text = _HEADER + yaml.safe_dump(content, sort_keys=False)
    write_bytes(path, data)
    write_text(path.with_name(path.name + SIDECAR_SUFFIX), text)


def _read_sidecar(path: Path) -> Dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
        version = content['format_version']
        if version != FORMAT_VERSION:
            raise ValueError(f'format_version is {version!r}, this release reads '
                             f'{FORMAT_VERSION}')
        engine = content['engine']
        if Path(engine['file']).name != engine['file']:
            raise ValueError(f'engine.file is {engine["file"]!r}, not a plain name')
        return {'bundle': content['bundle'], 'key': EngineKey.from_mapping(content['key']),
                'engine': {'file': engine['file'], 'sha256': str(engine['sha256'])}}
    except OSError as error:
        raise EngineError(f'{path}: {error.strerror}') from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        problem = ' '.join(str(error).split())
        raise EngineError(f'{path}: not a sidecar of an engine: {problem}') from None


def _checked_bytes(path: Path, sha256: str) -> bytes:
    """Return the bytes that were hashed, so that no other ones are loaded."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EngineError(f'{path}: {error.strerror}') from None
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise EngineError(
            f'{path}: refused: its sha256 is {found[:12]}..., its sidecar says '
            f'{sha256[:12]}... (truncated, damaged or exchanged)')
    return data
