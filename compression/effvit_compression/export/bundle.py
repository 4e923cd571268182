"""Write the bundle: graphs, manifest and model card, all of it or nothing."""
from __future__ import annotations

import hashlib
import importlib.metadata
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np
import onnx
import yaml

from effvit_compression.evaluation import by_name, Scores
from effvit_compression.export.graph import export_graph, OPSETS
from effvit_compression.export.half import to_half
from effvit_compression.export.half_weights import with_half_weights
from effvit_compression.export.origins import Origin
from effvit_compression.export.parity import noise_parity, Parity, parity
from effvit_compression.export.price import int8_section, preference, Price
from effvit_compression.export.shared_weights import share
from effvit_compression.models.cost import gmacs, heads, parameters
from effvit_compression.models.factory import SegmentationNet
from effvit_compression.models.store import NETWORK, save_network
from effvit_ros.core.bundle import FORMAT_VERSIONS, is_bundle, load_bundle, MANIFEST, sha256_of
from effvit_ros.core.classes import IGNORE
from effvit_ros.core.errors import UserError
from effvit_ros.core.metrics import defined

#: Worst picture's share of equal labels, and the flips' largest margin, below which no graph
#: of that precision is written.
GATES = {'fp32': Parity(0.9995, 0.01), 'fp16': Parity(0.995, 0.1)}
#: What to do where a graph does not pass its gate.
NEXT = {
    'fp32': 'this is a fault of the exporter: tell it with the architecture',
    'fp16': 'a network that was hardly trained is undecided nearly everywhere: train it longer, '
            'or go without FP16 (quantize: {fp16: false}; export: --variants fp32/uint8)'}
#: An FP16 graph may also do this many times what invisible noise does to torch.
NOISE_FACTOR = 2.0
#: File of the weights that the FP32 and the FP16 graph have in common.
WEIGHTS = 'weights.onnx'
#: File of the recipe that made a bundle.
RECIPE = 'recipe.yaml'
TOOLS = ('torch', 'timm', 'segmentation_models_pytorch', 'onnx', 'onnxslim', 'onnxruntime')


@dataclass(frozen=True)
class Description:
    """What a manifest and a model card say beyond what can be computed."""

    name: str
    training: Tuple[Origin, ...]
    story: str                                # how it was trained, for the model card
    command: str                              # that makes it again
    #: From the scores, what each class was learnt from (``evidence.evidence``).
    evidence: Callable[[List[dict]], dict] = lambda scores: {}
    recipe: str = ''                          # as it was used, YAML
    trainable: bool = True                    # holds the network, to be trained on


@dataclass(frozen=True)
class Variant:
    """
    A graph that labels pictures as torch does; ``parity`` says how nearly.

    An INT8 graph is compared with the FP32 graph, and has a price.
    """

    precision: str
    io_type: str
    graph: onnx.ModelProto
    parity: Union[Parity, Price]

    @property
    def file(self) -> str:
        """Name of its file in a bundle."""
        suffix = '' if self.io_type == 'uint8' else f'_{self.io_type}'
        return f'model_{self.precision}{suffix}.onnx'


def make_variants(net: SegmentationNet, size: int, wanted: Sequence[Tuple[str, str]],
                  pictures: Sequence[np.ndarray]) -> List[Variant]:
    """
    Export the graphs of these (precision, I/O type), each proved on pictures.

    Beside an FP16 graph the FP32 one stores the same, rounded, weights.

    :param pictures: (size, size, 3) uint8 RGB, for the parity of each graph with torch.
    :raises UserError: a graph's labels differ too much from torch's.
    """
    net = net.cpu().eval()
    full = {io_type: export_graph(net, size, io_type)
            for io_type in {io_type for _, io_type in wanted}}
    made = []
    for precision, io_type in wanted:
        graph = to_half(full[io_type]) if precision == 'fp16' else full[io_type]
        measured = checked_parity(net, graph, pictures, precision, io_type)
        made.append(Variant(precision, io_type, graph, measured))
    half = next((v.graph for v in made if v.precision == 'fp16'), None)
    return made if half is None else [
        slimmer(net, variant, half, pictures) for variant in made]


def slimmer(net: SegmentationNet, variant: Variant, half: onnx.ModelProto,
            pictures: Sequence[np.ndarray]) -> Variant:
    """Let the FP32 graph with 8-bit I/O store the weights of the FP16 one; others stay."""
    if (variant.precision, variant.io_type) != ('fp32', 'uint8'):
        return variant
    graph = with_half_weights(variant.graph, half)
    # The rounding of the weights is that of FP16, and so is the gate.
    return Variant('fp32', 'uint8', graph, checked_parity(net, graph, pictures, 'fp16', 'uint8'))


def write_bundle(net: SegmentationNet, variants: Sequence[Variant], folder: Path, size: int,
                 description: Description,
                 score: Callable[[Path], List[dict]] = lambda folder: [],
                 calibrate: Callable[[Path], float] = lambda folder: 1.0,
                 views: Callable[[Path], dict] = lambda folder: {}) -> Path:
    """
    Write ``folder``, which is replaced as a whole when everything is there.

    :param net: the network that the graphs were made of.
    :param score: given the finished bundle, returns what :func:`score_entry` makes of each set.
    :param calibrate: given the bundle, returns the temperature of its confidence.
    :param views: given the bundle, returns what :func:`effvit_compression.export.views.section`
        does of the pictures that it was trained on.
    :raises UserError: there is something else than a bundle.
    """
    check_replaceable(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix='.export-') as place:
        new = Path(place) / folder.name
        new.mkdir()
        entries = write_graphs(variants, new, len(net.architecture.classes))
        manifest = manifest_of(net, size, description, entries)
        if description.trainable:
            save_network(net, new)
            manifest['network'] = {'file': NETWORK, 'sha256': sha256_of(new / NETWORK)}
        write_manifest(new, manifest)
        load_bundle(new)
        manifest['temperature'] = round(calibrate(new), 4)
        write_manifest(new, manifest)
        manifest.update(views(new))
        manifest['scores'] = score(new)
        manifest['evidence'] = description.evidence(manifest['scores'])
        write_manifest(new, manifest)
        (new / 'README.md').write_text(model_card(manifest, description), encoding='utf-8')
        if description.recipe:
            (new / RECIPE).write_text(description.recipe, encoding='utf-8')
        replace_folder(new, folder)
    return folder


def score_entry(data: str, scores: Scores) -> dict:
    """Entry of a manifest's ``scores`` list."""
    return {'data': data, 'n_images': scores.n_images, 'miou': round(scores.confusion.miou, 4),
            'mdice_lpcv': rounded(scores.mdice_lpcv),
            'iou': {name: round(value, 4) for name, value in by_name(scores).items()}}


def rounded(score: float) -> Optional[float]:
    """Round to four digits; None where it is undefined."""
    return None if defined(score) is None else round(score, 4)


def checked_parity(net: SegmentationNet, graph: onnx.ModelProto, pictures: Sequence[np.ndarray],
                   precision: str, io_type: str) -> Parity:
    """
    Parity of a graph with torch.

    :raises UserError: it is below the precision's gate.
    """
    measured, gate = parity(net, graph, pictures), GATES[precision]
    if precision == 'fp16' and not passes(measured, gate):
        noise = noise_parity(net, pictures)
        gate = Parity(min(gate.agreement, 1 - NOISE_FACTOR * (1 - noise.agreement)),
                      max(gate.margin, NOISE_FACTOR * noise.margin))
    if not passes(measured, gate):
        raise UserError(
            f'the {precision}/{io_type} graph is not faithful to torch: label agreement '
            f'{measured.agreement:.5f} (at least {gate.agreement:.5f}), margin of the flips '
            f'{measured.margin:.4f} (at most {gate.margin:.4f}): {NEXT[precision]}')
    return measured


def passes(measured: Parity, gate: Parity) -> bool:
    """Whether agreement and margin are both at least as good as the gate's."""
    return measured.agreement >= gate.agreement and measured.margin <= gate.margin


def write_graphs(variants: Sequence[Variant], folder: Path, n_classes: int) -> List[dict]:
    """Write the graphs, weights in common once; returns their entries in the manifest."""
    models = {variant.file: variant.graph for variant in variants}
    common, sharing = b'', [v.file for v in variants
                            if v.io_type == 'uint8' and v.precision in ('fp32', 'fp16')]
    if len(sharing) == 2:
        weights, *rest = share(*(models[file] for file in sharing))
        models.update(zip(sharing, rest))
        common = weights.SerializeToString()
        (folder / WEIGHTS).write_bytes(common)
    entries = []
    for variant in variants:
        content = models[variant.file].SerializeToString()
        (folder / variant.file).write_bytes(content)
        shared = common and variant.file in sharing
        whole = common + content if shared else content
        entries.append({
            'file': variant.file, **({'weights': WEIGHTS} if shared else {}),
            'sha256': hashlib.sha256(whole).hexdigest(), 'precision': variant.precision,
            'io': variant.io_type, 'opset': OPSETS[variant.io_type], 'classes': n_classes,
            **variant.parity.as_entry()})
    return entries


def manifest_of(net: SegmentationNet, size: int, description: Description,
                entries: List[dict]) -> dict:
    """Return the manifest without scores."""
    classes = net.architecture.classes
    restrictions = [f'{d.name}: {d.terms}' for d in description.training if d.terms]
    return {
        'format_version': FORMAT_VERSIONS[-1],
        'name': description.name,
        'input': {'height': size, 'width': size, 'channel_order': 'rgb'},
        'class_set': classes.name,
        'classes': classes.as_fields()['classes'],
        'ignore': IGNORE,
        'graphs': entries,
        **preference(entries),
        'terms': '; '.join(restrictions),
        'training': {
            'data': [origin._asdict() for origin in description.training],
            'story': ' '.join(description.story.split()),
            'command': description.command},
        'scores': [],
        'parameters': parameters(net),
        'gmacs': round(gmacs(net, size), 3),
        'heads': heads(net),
        'architecture': net.architecture.model_dump(mode='json', exclude={'classes'}),
        'tools': {tool: importlib.metadata.version(tool) for tool in TOOLS},
    }


class _Dumper(yaml.SafeDumper):
    """Writes lists of numbers in one line: colours, statistics."""

    def represent_list(self, data: Iterable[Any]) -> yaml.SequenceNode:
        """Return the node of a list."""
        plain = all(type(value) in (int, float) for value in data)
        return self.represent_sequence('tag:yaml.org,2002:seq', data, flow_style=plain)


_Dumper.add_representer(list, _Dumper.represent_list)


def write_manifest(folder: Path, manifest: dict) -> None:
    """Write ``manifest.yaml``."""
    text = yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=99, allow_unicode=True)
    (folder / MANIFEST).write_text(text, encoding='utf-8')


def check_replaceable(folder: Path) -> None:
    """Refuse to remove what no bundle is; :raises UserError: such a thing is in its place."""
    if folder.exists() and not is_bundle(folder) and (
            not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f'{folder}: no bundle, and not empty: give a new folder')


def replace_folder(new: Path, folder: Path) -> None:
    """Put ``new`` in the place of ``folder``; the old one goes when the new one is there."""
    old = new.with_name(new.name + '.old')
    if folder.exists():
        os.replace(folder, old)
    os.replace(new, folder)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def changed_copy(source: Path, out: Path) -> Iterator[Path]:
    """
    Give a copy of a bundle's folder to change; it takes the place of ``out`` if nothing is raised.

    ``out`` is written as a whole or not at all, and may be the source.

    :raises UserError: ``out`` can't be written or holds something else than a bundle.
    """
    check_replaceable(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix='.bundle-') as place:
            new = Path(place) / out.name
            shutil.copytree(source, new)
            yield new
            replace_folder(new, out)
    except OSError as error:
        raise UserError(f'{out}: not written: {error.strerror}') from error


def evidence_section(found: dict) -> List[str]:
    """Lines of Markdown on what each class was learnt from; none where nothing is known."""
    if not found:
        return []
    lines = ['', '## What each class was learnt from', '',
             'On views that nothing was trained on: IoU, where such pictures show the class.', '',
             '| class | learnt from | unseen views |', '|---|---|---|']
    for name, entry in found.items():
        scores = ', '.join(f'{data} {value:.2f}' for data, value in entry['unseen'].items())
        lines.append(f'| {name} | {", ".join(entry["learnt_from"]) or "nothing"} | '
                     f'{scores or "not measured"} |')
    return lines


def model_card(manifest: dict, description: Description) -> str:
    """Markdown for people: what it is, what it was trained on, how good it is, its terms."""
    size, number = manifest['input']['width'], len(manifest['classes'])
    lpcv = any(scores['mdice_lpcv'] is not None for scores in manifest['scores'])
    lines = [
        f'# {manifest["name"]}', '', description.story.strip(), '',
        f'{manifest["parameters"] / 1e6:.2f} M parameters, {manifest["gmacs"]:.2f} GMAC at '
        f'{size}x{size} (attention counted). Class set {manifest["class_set"]}, ids 0 to '
        f'{number - 1}; pictures of any shape are stretched to the square input.', '',
        '## Scores', '',
        'On pictures that were never trained on, but may have chosen the settings and the '
        'checkpoint (val), through the CPU runtime, at the pictures\' own '
        'size. mIoU: pooled, over the classes that occur.', '',
        f'| pictures | n | mIoU |{" LPCV mean Dice |" * lpcv} IoU by class |',
        '|---|---|---|---|' + '---|' * lpcv]
    for scores in manifest['scores']:
        classes = ', '.join(f'{key} {value:.2f}' for key, value in scores['iou'].items())
        dice = f' {scores["mdice_lpcv"]:.3f} |' if lpcv else ''
        lines.append(f'| {scores["data"]} | {scores["n_images"]} | {scores["miou"]:.3f} |{dice} '
                     f'{classes} |')
    lines += evidence_section(manifest['evidence'])
    lines += ['', '## Graphs', '', '| file | precision | I/O | opset | worst label agreement with '
              'torch |', '|---|---|---|---|---|']
    lines += [f'| {g["file"]} | {g["precision"]} | {g["io"]} | {g["opset"]} | '
              f'{g["parity"]["worst_label_agreement"]:.4%} |' for g in manifest['graphs']
              if g['precision'] != 'int8']
    lines += ['', '## Training data and terms', '']
    lines += [f'- **{d["name"]}** ({d["source"] or "own"}): licence: {d["licence"]}.'
              + (f' {d["terms"]}.' if d['terms'] else '') for d in manifest['training']['data']]
    lines += ['', '## Made by', '', f'```\n{description.command}\n```', '']
    if description.recipe:
        lines += [f'The recipe as it was used, paths relative to where it lay: `{RECIPE}`.', '']
    return '\n'.join(lines) + int8_section(manifest)
