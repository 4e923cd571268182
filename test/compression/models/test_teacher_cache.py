"""A teacher's kept answers: asked once, never wrong, never in the way."""
from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch

from effvit_compression.models.architecture import Architecture
from effvit_compression.models.factory import build
from effvit_compression.models.teacher_cache import CachedTeacher, fingerprint

CROPS = torch.arange(2 * 3 * 8 * 8).reshape(2, 3, 8, 8).to(torch.uint8)


class Teacher:
    """Counts the questions; its answers tell the crops apart."""

    def __init__(self):
        self.asked = 0

    def features(self, image):
        """Return three maps and scores."""
        self.asked += 1
        value = image.float().mean((1, 2, 3)).reshape(-1, 1, 1, 1) + 1 / 3
        maps = [value.expand(-1, 2, 4 >> k, 4 >> k) * k for k in range(3)]
        return maps, value.expand(-1, 14, 2, 2)


@pytest.fixture
def cache(tmp_path):
    """Return a maker of caches in one folder, with their teachers and warnings."""
    def make(levels=(), limit=1e9, network='a'):
        teacher, warnings = Teacher(), []
        return CachedTeacher(lambda: teacher, network, tmp_path / 'cache', levels, limit,
                             warnings.append), teacher, warnings
    return make


def entries(tmp_path):
    """Return the files of the cache."""
    return sorted(p for p in (tmp_path / 'cache').rglob('*') if p.is_file())


def test_the_second_training_does_not_ask(cache):
    first, asked, _ = cache([1, 2])
    second, unasked, _ = cache([1, 2])
    maps, scores = first.features(CROPS)
    again, scores_again = second.features(CROPS)
    assert (asked.asked, unasked.asked) == (1, 0)
    assert scores.equal(scores_again) and maps[0] is again[0] is None
    assert all(maps[k].equal(again[k]) for k in (1, 2))


def test_answers_are_those_of_the_teacher_rounded_to_half(cache):
    caching, _, _ = cache([1])
    maps, scores = caching.features(CROPS)
    expected_maps, expected = Teacher().features(CROPS)
    assert scores.dtype == torch.float32
    assert scores.equal(expected.half().float()) and maps[1].equal(expected_maps[1].half().float())
    assert not scores.equal(expected)


@pytest.mark.parametrize('change', [
    pytest.param({'network': 'b'}, id='another teacher'),
    pytest.param({'levels': [1]}, id='another map'),
])
def test_what_was_not_kept_is_asked(cache, change):
    cache()[0].features(CROPS)
    other, teacher, _ = cache(**change)
    other.features(CROPS)
    assert teacher.asked == 1


def test_other_crops_are_asked_about(cache):
    caching, teacher, _ = cache()
    changed = CROPS.clone()
    changed[1, 2, 7, 7] += 1
    caching.features(CROPS)
    caching.features(changed)
    caching.features(CROPS[:1])
    assert teacher.asked == 3


def test_an_entry_with_more_maps_serves_those_who_want_fewer(cache):
    cache([1, 2])[0].features(CROPS)
    for levels in ([2], [], [1]):
        fewer, teacher, _ = cache(levels)
        fewer.features(CROPS)
        assert teacher.asked == 0


@pytest.mark.parametrize('damage', [
    pytest.param(lambda b: b[:-9], id='cut off'),
    pytest.param(lambda b: b'', id='empty'),
    pytest.param(lambda b: bytes(len(b)), id='zeros'),
])
def test_a_damaged_entry_is_computed_again(cache, tmp_path, damage):
    expected = cache()[0].features(CROPS)[1]
    entry, = entries(tmp_path)
    entry.write_bytes(damage(entry.read_bytes()))
    for questions in (1, 0):
        caching, teacher, _ = cache()
        assert caching.features(CROPS)[1].equal(expected)
        assert teacher.asked == questions


def test_a_full_cache_keeps_its_first_entries_and_says_so_once(cache, tmp_path):
    caching, teacher, warnings = cache(limit=400)
    for value in range(4):
        caching.features(CROPS + value)
    assert len(entries(tmp_path)) == 1 and teacher.asked == 4
    assert len(warnings) == 1 and 'full' in warnings[0] and 'teacher.cache_gb' in warnings[0]
    caching.features(CROPS)
    assert teacher.asked == 4


def test_a_full_disk_is_one_warning_and_no_half_entry(cache, tmp_path, monkeypatch):
    def full(path, content):
        path.touch()
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(Path, 'write_bytes', full)
    caching, _, warnings = cache()
    assert caching.features(CROPS)[1].equal(caching.features(CROPS)[1])
    assert len(warnings) == 1 and 'No space left on device; it goes on' in warnings[0]
    assert entries(tmp_path) == []


def test_the_fingerprint_is_of_weights_and_architecture():
    architecture = Architecture(encoder='mobilevit_xxs', decoder_channels=8)
    net = build(architecture)
    first = fingerprint(net)
    assert first == fingerprint(net) and len(first) == 16
    with torch.no_grad():
        net.head.bias[0] += 1
    second = fingerprint(net)
    net.architecture = architecture.model_copy(update={'std': 64.0})
    assert len({first, second, fingerprint(net)}) == 3
