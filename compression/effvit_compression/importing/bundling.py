"""From a network of another framework to a bundle that labels pictures as it does."""
from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import List, NamedTuple, Sequence

import numpy as np
import onnx
import onnxslim
from onnx import compose, helper, numpy_helper, TensorProto, version_converter

from effvit_compression.export.bundle import check_replaceable, replace_folder, write_manifest
from effvit_compression.export.graph import quiet
from effvit_compression.export.half import to_half
from effvit_compression.importing.source import Source
from effvit_ros.core.bundle import load_bundle
from effvit_ros.core.classes import ClassSet, IGNORE
from effvit_ros.core.errors import UserError
from effvit_ros.core.segmenter import Segmenter

#: Share of equal labels in the worst picture; the rest are ties.
SAME = {'fp32': 0.9995, 'fp16': 0.98}
#: The oldest operators that are written; older graphs are converted.
LEAST_OPSET = 13
#: Formats of bundles whose graphs end at scores and at labels.
SCORES_FORMAT, LABELS_FORMAT = 3, 1


class Imported(NamedTuple):
    """The share of equal labels in the worst picture, by precision."""

    agreement: dict


def write(source: Source, classes: ClassSet, folder: Path, half: bool, command: str,
          pictures: Sequence[np.ndarray]) -> Imported:
    """
    Write a bundle, after it labelled pictures as the network's own framework does.

    :param pictures: (H, W, 3) uint8 RGB of the network's size.
    :raises UserError: classes that don't fit, labels that differ, or something else in the place.
    """
    check_replaceable(folder)
    check_classes(source, classes)
    graphs = {'fp32': with_pixels_in(source)}
    if half:
        graphs['fp16'] = to_half(graphs['fp32'])
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix='.import-') as place:
        new = Path(place) / folder.name
        new.mkdir()
        entries = [entry(graph, precision, new, len(classes))
                   for precision, graph in graphs.items()]
        manifest = manifest_of(source, classes, folder.name, entries, command)
        write_manifest(new, manifest)
        agreement = {e['precision']: checked(source, new, e['precision'], pictures)
                     for e in entries}
        for e in entries:
            e['parity'] = {'worst_label_agreement': round(agreement[e['precision']], 6)}
        write_manifest(new, manifest)
        (new / 'README.md').write_text(card(manifest), encoding='utf-8')
        replace_folder(new, folder)
    return Imported(agreement)


def check_classes(source: Source, classes: ClassSet) -> None:
    """Compare classes by number and name; :raises UserError: they don't fit."""
    if source.classes is not None and source.classes != len(classes):
        raise UserError(f'the network tells {source.classes} classes apart, --classes '
                        f'{classes.name} has {len(classes)}')
    own = source.names
    if own and not all(name.upper().startswith('LABEL_') for name in own) and (
            own != classes.names):
        number = next((i for i, (a, b) in enumerate(zip(own, classes.names)) if a != b),
                      min(len(own), len(classes)))
        raise UserError(f'the network calls its class {number} '
                        f'{own[number] if number < len(own) else "-"!r}, --classes {classes.name} '
                        f'{classes.names[number] if number < len(classes) else "-"!r}: list its '
                        'names in its order')


def with_pixels_in(source: Source) -> onnx.ModelProto:
    """Return the graph with camera pixels in and scores (or labels) out, static and simplified."""
    model = source.graph
    opset = next(o.version for o in model.opset_import if o.domain in ('', 'ai.onnx'))
    if opset < LEAST_OPSET:
        model = version_converter.convert_version(model, LEAST_OPSET)
        opset = LEAST_OPSET
    initial = {t.name for t in model.graph.initializer}
    taken = next(i.name for i in model.graph.input if i.name not in initial)
    given = model.graph.output[0].name
    model = compose.add_prefix(model, 'net/')
    shape = [1, source.height, source.width, 3]
    front = helper.make_model(helper.make_graph(
        front_nodes(source), 'front',
        [helper.make_tensor_value_info('image', TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info(
            'ready', TensorProto.FLOAT,
            shape if source.layout == 'nhwc' else [1, 3, source.height, source.width])],
        [numpy_helper.from_array(np.array(source.normalisation.mean, np.float32), 'mean'),
         numpy_helper.from_array(1 / np.array(source.normalisation.std, np.float32), 'scale')]),
        opset_imports=model.opset_import, ir_version=model.ir_version)
    whole = compose.merge_models(front, model, [('ready', f'net/{taken}')])
    end(whole, f'net/{given}', source)
    with quiet():
        whole = onnxslim.slim(whole)
    onnx.checker.check_model(whole, full_check=True)
    return whole


def front_nodes(source: Source) -> List[onnx.NodeProto]:
    """Return the nodes from pixels to what the network takes."""
    nodes = [helper.make_node('Cast', ['image'], ['pixels'], to=TensorProto.FLOAT),
             helper.make_node('Sub', ['pixels', 'mean'], ['centred']),
             helper.make_node('Mul', ['centred', 'scale'], ['scaled'])]
    if source.layout == 'nhwc':
        return [*nodes, helper.make_node('Identity', ['scaled'], ['ready'])]
    return [*nodes, helper.make_node('Transpose', ['scaled'], ['ready'], perm=[0, 3, 1, 2])]


def end(model: onnx.ModelProto, given: str, source: Source) -> None:
    """Let a graph end as bundles do: ``scores`` float, or ``labels`` uint8 of three dimensions."""
    graph = model.graph
    del graph.output[:]
    if source.labels:
        graph.initializer.append(numpy_helper.from_array(
            np.array([1, source.height, source.width], np.int64), 'labels_shape'))
        graph.node.append(helper.make_node('Reshape', [given, 'labels_shape'], ['flat_labels']))
        graph.node.append(helper.make_node('Cast', ['flat_labels'], ['labels'],
                                           to=TensorProto.UINT8))
        graph.output.append(helper.make_tensor_value_info(
            'labels', TensorProto.UINT8, [1, source.height, source.width]))
        return
    node = helper.make_node('Transpose', [given], ['scores'], perm=[0, 3, 1, 2]) \
        if source.scores_nhwc else helper.make_node('Identity', [given], ['scores'])
    graph.node.append(node)
    graph.output.append(helper.make_tensor_value_info('scores', TensorProto.FLOAT, None))
    inferred = onnx.shape_inference.infer_shapes(model)
    model.CopyFrom(inferred)


def entry(graph: onnx.ModelProto, precision: str, folder: Path, n_classes: int) -> dict:
    """Write a graph; return its entry in the manifest."""
    content, file = graph.SerializeToString(), f'model_{precision}.onnx'
    (folder / file).write_bytes(content)
    opset = next(o.version for o in graph.opset_import if o.domain in ('', 'ai.onnx'))
    return {'file': file, 'sha256': hashlib.sha256(content).hexdigest(), 'precision': precision,
            'io': 'uint8', 'opset': opset, 'classes': n_classes}


def manifest_of(source: Source, classes: ClassSet, name: str, entries: List[dict],
                command: str) -> dict:
    """Return the manifest."""
    return {
        'format_version': LABELS_FORMAT if source.labels else SCORES_FORMAT, 'name': name,
        'input': {'height': source.height, 'width': source.width,
                  'channel_order': source.order},
        'class_set': classes.name, 'classes': classes.as_fields()['classes'], 'ignore': IGNORE,
        'graphs': entries, 'terms': source.terms,
        'training': {'data': [{'name': name, 'licence': source.licence, 'terms': source.terms,
                               'source': ''}],
                     'story': source.story, 'command': command},
        'scores': []}


def checked(source: Source, folder: Path, precision: str,
            pictures: Sequence[np.ndarray]) -> float:
    """
    Compare labels with the network's own framework, in the worst picture.

    :raises UserError: too many differ.
    """
    bundle = load_bundle(folder).preferring('onnxruntime', precision)
    worst = 1.0
    with Segmenter(bundle, 'onnxruntime') as segmenter:
        for picture in pictures:
            labels = segmenter.segment(picture, 'rgb').labels
            worst = min(worst, float(np.mean(labels == source.reference(picture))))
    if worst < SAME[precision]:
        raise UserError(f'the {precision} graph labels {worst:.4f} of a picture as its own '
                        f'framework does, {SAME[precision]} are asked for: leave it out, or say '
                        'how the pictures are normalised')
    return worst


def card(manifest: dict) -> str:
    """Markdown for people."""
    data = manifest['training']['data'][0]
    lines = [f'# {manifest["name"]}', '', manifest['training']['story'], '',
             f'Licence: {data["licence"]}. {data["terms"]}'.rstrip(), '', '## Classes', '']
    lines += [f'- {c["id"]}: {c["name"]}' for c in manifest['classes']]
    return '\n'.join([*lines, '', '## Made by', '', '```', manifest['training']['command'],
                      '```', ''])
