"""The tail held against the plain computation."""
from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from cpu_runtimes import needs_openvino
from tiny_bundle import write_tiny_bundle

from effvit_ros.bench.command import main
from effvit_ros.bench.tail import compare, plain_labels, tail_lines, tail_row, TailOfPicture
from effvit_ros.core.tail import Tail


def test_plain_labels_interpolate_between_the_centres():
    # One row of two cells, four pixels: at 0.25 and 0.75 of the way between the two centres the
    # first class has 3 and 1, the second 2 everywhere.
    scores = np.array([[[4, 0]], [[2, 2]]], np.float32)
    assert plain_labels(scores, (1, 4)).tolist() == [[0, 0, 1, 1]]


def test_a_wrong_label_is_counted():
    scores = np.zeros((2, 2, 2), np.float32)
    scores[1] = 1
    right = compare(scores, (8, 8), Tail((2, 2), (8, 8)))
    assert (right.pixels, right.equal) == (64, 64)

    class Wrong:
        def labels(self, scores):
            labels = np.ones((8, 8), np.uint8)
            labels[0, :3] = 0
            return labels
    assert compare(scores, (8, 8), Wrong()).equal == 61


def test_the_worst_picture_and_the_slowest_are_named():
    row = tail_row([TailOfPicture('a/x.jpg', 100, 99, 5.0),
                    TailOfPicture('a/y.jpg', 1000, 980, 1.0),
                    TailOfPicture('a/z.jpg', 100, 100, 3.0)])
    assert (row['pixels'], row['different']) == (1200, 21)
    assert (row['worst_share'], row['worst_picture']) == (0.98, 'y.jpg')
    assert (row['p50_ms'], row['slowest_ms'], row['slowest_picture']) == (3.0, 5.0, 'x.jpg')
    assert '21 of 1200 pixels' in tail_lines(row)[0] and '98.00000% equal' in tail_lines(row)[1]


@needs_openvino
def test_bench_tail_labels_folders_and_writes_what_it_prints(tmp_path, capsys):
    write_tiny_bundle(tmp_path / 'bundle', scores=True)
    (tmp_path / 'pictures').mkdir()
    for number in range(3):
        noise = np.random.default_rng(number).integers(0, 256, (40, 52, 3), np.uint8)
        cv2.imwrite(str(tmp_path / 'pictures' / f'{number}.png'), cv2.blur(noise, (9, 9)))
    arguments = ['--model', str(tmp_path / 'bundle'), '--runtime', 'openvino', '--tail',
                 str(tmp_path / 'pictures'), '--out', str(tmp_path / 'out')]
    assert main(arguments) == 0
    row = json.loads((tmp_path / 'out/tail.json').read_text())['tail']
    assert row['pictures'] == 3 and row['pixels'] == 3 * 40 * 52 and row['worst_share'] > 0.999
    assert 'the tail on 3 pictures' in capsys.readouterr().out


def test_a_bundle_of_labels_has_no_tail(tmp_path, capsys):
    pytest.importorskip('openvino')
    write_tiny_bundle(tmp_path / 'bundle')
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((8, 8, 3), np.uint8))
    assert main(['--model', str(tmp_path / 'bundle'), '--tail', str(tmp_path)]) == 2
    assert 'gives labels without scores' in capsys.readouterr().err
