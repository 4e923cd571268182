"""Peers become bundles that run as ours do, and are told apart by their ratios."""
from __future__ import annotations

import pytest
import torch
from cpu_runtimes import needs_openvino

from effvit_compression.commands.peers import rows_of
from effvit_compression.peers.bundles import flight_pictures, write_peer_bundle
from effvit_compression.peers.networks import PEERS
from effvit_compression.peers.timing import time_bundles, Timed
from effvit_ros.core.classes import lpcv_classes


@pytest.mark.parametrize('name', PEERS)
def test_a_peer_ends_at_its_scores(name):
    peer = PEERS[name](14).eval()
    with torch.inference_mode():
        scores = peer(torch.zeros(1, 3, 128, 128))
    assert scores.shape[:2] == (1, 14)
    assert scores.shape[2] == scores.shape[3] <= 32


@needs_openvino
@pytest.mark.slow
def test_a_peers_bundle_is_timed_in_both_precisions(tmp_path):
    pytest.importorskip('nncf')
    pictures = flight_pictures(64, 2)
    peer = PEERS['LR-ASPP MobileNetV3-Large (torchvision)'](14)
    bundle = write_peer_bundle(peer.eval(), 'peer', tmp_path, 64, lpcv_classes(), pictures)
    assert bundle.gives_scores
    times = time_bundles({'peer': bundle}, ('fp32', 'int8'), pictures, 2, threads=1)
    assert {key: t.total_ms >= t.infer_ms > 0 for key, t in times.items()} == {
        ('peer', 'fp32'): True, ('peer', 'int8'): True}


def test_ratios_are_to_the_first_bundle_and_the_fastest_comes_first():
    times = {('ours', 'int8'): Timed(10.0, 9.0), ('ours', 'fp32'): Timed(20.0, 18.0),
             ('peer', 'int8'): Timed(5.0, 4.0), ('peer', 'fp32'): Timed(40.0, 39.0)}
    assert rows_of({'ours': None, 'peer': None}, times) == [
        {'network': 'peer', 'INT8, ms': 5.0, 'INT8, ratio': 0.5, 'FP32, ms': 40.0,
         'FP32, ratio': 2.0},
        {'network': 'ours', 'INT8, ms': 10.0, 'INT8, ratio': 1.0, 'FP32, ms': 20.0,
         'FP32, ratio': 1.0}]


def test_a_precision_that_a_bundle_lacks_is_left_out():
    row, = rows_of({'ours': None}, {('ours', 'fp32'): Timed(20.0, 18.0)})
    assert row['INT8, ms'] is None and row['INT8, ratio'] is None and row['FP32, ratio'] == 1.0
