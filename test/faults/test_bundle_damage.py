"""A bundle that is removed or damaged while the node runs."""
from __future__ import annotations

import shutil

import pytest
from tiny_bundle import write_tiny_bundle
from watched_node import ERROR, NODE, OK


def remove(bundle):
    shutil.rmtree(bundle)


def remove_graph(bundle):
    (bundle / 'model.onnx').unlink()


def flip_a_bit(bundle):
    graph = bytearray((bundle / 'model.onnx').read_bytes())
    graph[len(graph) // 2] ^= 1
    (bundle / 'model.onnx').write_bytes(graph)


def cut_graph(bundle):
    graph = (bundle / 'model.onnx').read_bytes()
    (bundle / 'model.onnx').write_bytes(graph[:100])


def spoil_manifest(bundle):
    (bundle / 'manifest.yaml').write_text('{ nonsense')


@pytest.mark.slow
def test_it_runs_on_refuses_the_damaged_bundle_in_one_line_and_takes_the_repaired_one(
        watch, tmp_path):
    bundle = write_tiny_bundle(tmp_path / 'bundle')
    node = watch(model=bundle).ready()
    for damage, complaint in ((remove, 'no such folder'), (remove_graph, 'copy the whole bundle'),
                              (flip_a_bit, 'sha256 is'), (cut_graph, 'sha256 is'),
                              (spoil_manifest, 'not readable as YAML')):
        damage(bundle)
        node.answers()
        assert node.status()[0].level == OK
        for name in ('deactivate', 'cleanup'):
            assert node.probe.transition(NODE, name)
        before = node.process.log.count('[ERROR]')
        assert not node.probe.transition(NODE, 'configure')
        assert complaint in node.until_level(ERROR)[0].message
        assert node.process.log.count('[ERROR]') == before + 1, damage.__name__
        assert node.probe.state(NODE) == 'unconfigured'
        write_tiny_bundle(bundle)
        for name in ('configure', 'activate'):
            assert node.probe.transition(NODE, name)
        node.recover()
        node.until_level(OK)
