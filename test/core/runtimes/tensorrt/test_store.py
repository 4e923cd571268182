"""Engines on disk: found by key, checked by hash, a misfit named, written whole."""
from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from effvit_ros.core.bundle import load_bundle
from effvit_ros.core.errors import UserError
from effvit_ros.core.runtimes.tensorrt.key import EngineKey
from effvit_ros.core.runtimes.tensorrt.store import (
    cache_folder,
    engine_name,
    EngineError,
    find_engine,
    require_writable,
    write_engine,
)

KEY = EngineKey('tensorrt', '10.3.0', 'Orin', '8.7', 'fp16', 'uint8', (1, 64, 96, 3), 'ab' * 32)


@pytest.fixture
def bundle(bundle_folder, monkeypatch, tmp_path):
    """Return a bundle with an empty cache folder."""
    monkeypatch.setenv('EFFVIT_ENGINE_CACHE', str(tmp_path / 'cache'))
    return load_bundle(bundle_folder)


def put(bundle, key=KEY, folder=None, data=b'engine'):
    """Write an engine and return its path."""
    path = (folder or cache_folder()) / engine_name(bundle, key)
    write_engine(path, data, bundle, key, {'seconds': 81.2})
    return path


@pytest.mark.parametrize('beside', [False, True], ids=['in-the-cache', 'beside-the-bundle'])
def test_what_was_written_is_found(beside, bundle):
    path = put(bundle, folder=bundle.path / 'engines' if beside else None)
    found = find_engine(bundle, KEY)
    assert (found.data, found.path, found.reason) == (b'engine', path, '')


def test_the_sidecar_is_readable_and_complete(bundle):
    path = put(bundle)
    text = Path(f'{path}.yaml').read_text()
    assert text.startswith('# What this engine fits.')
    content = yaml.safe_load(text)
    assert content['key'] == KEY.as_mapping()
    assert content['engine']['file'] == path.name
    assert content['build'] == {'seconds': 81.2}
    assert EngineKey.from_mapping(content['key']) == KEY
    assert [p.suffix for p in sorted(path.parent.iterdir())] == ['.engine', '.yaml']


@pytest.mark.parametrize('change, phrase', [
    (dict(version='10.7.0'), 'version 10.3.0 (here: 10.7.0)'),
    (dict(gpu='Orin Nano'), 'gpu Orin (here: Orin Nano)'),
    (dict(compute_capability='8.6'), 'compute_capability 8.7 (here: 8.6)'),
    (dict(io='float32'), 'io uint8 (here: float32)'),
    (dict(shape=(1, 512, 512, 3)), 'shape (1, 64, 96, 3) (here: (1, 512, 512, 3))'),
    (dict(graph_sha256='cd' * 32), 'graph_sha256 abababababab (here: cdcdcdcdcdcd)'),
], ids=lambda value: next(iter(value)) if isinstance(value, dict) else None)
def test_a_key_that_differs_is_said(change, phrase, bundle):
    path = put(bundle)
    found = find_engine(bundle, replace(KEY, **change))
    assert found.data is None
    assert found.reason == f'the engine {path.name} was built for another {phrase}'


def test_the_closest_misfit_is_named(bundle):
    put(bundle, replace(KEY, version='8.6.1', gpu='Xavier'))
    put(bundle, replace(KEY, gpu='Xavier'))
    reason = find_engine(bundle, KEY).reason
    assert reason.endswith('was built for another gpu Xavier (here: Orin)')


def test_an_engine_for_several_gpus_fits_each(bundle):
    put(bundle, replace(KEY, gpu='any', compute_capability='8.6 8.9 12.0'))
    assert find_engine(bundle, replace(KEY, gpu='any', compute_capability='8.9')).data
    assert find_engine(bundle, replace(KEY, gpu='any', compute_capability='9.0')).data is None


def test_nothing_there_names_both_places(bundle):
    reason = find_engine(bundle, KEY).reason
    assert reason == (f'no tensorrt engine of tiny in {bundle.path / "engines"} '
                      f'or {cache_folder()}')


@pytest.mark.parametrize('spoil, message', [
    pytest.param(lambda p: p.write_bytes(p.read_bytes()[:-1]), 'refused: its sha256 is',
                 id='truncated'),
    pytest.param(lambda p: p.write_bytes(b'Engine'), 'refused: its sha256 is', id='one-byte-off'),
    pytest.param(lambda p: p.unlink(), 'No such file', id='engine-missing'),
    pytest.param(lambda p: Path(f'{p}.yaml').write_text('key: [1'), 'not a sidecar', id='no-yaml'),
    pytest.param(lambda p: Path(f'{p}.yaml').write_text('format_version: 2'),
                 'format_version is 2, this release reads 1', id='newer-format'),
    pytest.param(lambda p: Path(f'{p}.yaml').write_text(
        Path(f'{p}.yaml').read_text().replace(f'file: {p.name}', 'file: ../../evil')),
        "engine.file is '../../evil', not a plain name", id='elsewhere'),
    pytest.param(lambda p: Path(f'{p}.yaml').write_text(
        Path(f'{p}.yaml').read_text().replace('gpu: Orin', 'gpu: 5')),
        'key.gpu is 5, not a text', id='number-as-gpu'),
])
def test_a_spoilt_engine_or_sidecar_is_refused_in_one_line(spoil, message, bundle):
    spoil(put(bundle))
    found = find_engine(bundle, KEY)
    assert found.data is None
    assert message in found.reason and '\n' not in found.reason


def test_a_good_engine_is_found_behind_a_spoilt_one(bundle):
    put(bundle, folder=bundle.path / 'engines').write_bytes(b'')
    path = put(bundle)
    assert find_engine(bundle, KEY).path == path


@pytest.fixture
def no_root():
    """Drop root's right to write everywhere, where it has it."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


def test_a_read_only_folder_is_one_line(bundle, tmp_path, request):
    folder = tmp_path / 'read_only'
    folder.mkdir(mode=0o555)
    for parent in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(parent.stat().st_mode | 0o055)
    request.getfixturevalue('no_root')
    with pytest.raises(EngineError, match='cannot be kept there .Permission denied.: make it'):
        require_writable(folder)
    with pytest.raises(UserError, match='cannot be written: Permission denied'):
        put(bundle, folder=folder)


def test_a_file_in_the_folders_place_is_one_line(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(EngineError, match='engines cannot be kept there'):
        require_writable(tmp_path / 'file' / 'engines')


def test_a_full_disk_leaves_nothing_behind(bundle, monkeypatch):
    def no_space(descriptor):
        raise OSError(28, 'No space left on device')
    monkeypatch.setattr(os, 'fsync', no_space)
    with pytest.raises(UserError, match='cannot be written: No space left on device'):
        put(bundle)
    assert list(cache_folder().iterdir()) == []
