"""
The model bundle: the one thing that passes from the workstation to the drone.

A folder with ``manifest.yaml`` and the ONNX graphs that it names; docs/bundle.md describes
the format. Loading checks everything that can be checked without running the graph.
"""
from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import (
    Any,
    Dict,
    Iterable,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Type,
    TypeVar,
    Union,
)

import numpy as np
import yaml

from effvit_ros.core.classes import ClassInfo, ClassSet, read_class_list
from effvit_ros.core.errors import UserError
from effvit_ros.core.graph import BundleError, Graph
from effvit_ros.core.install_paths import models_directory
from effvit_ros.core.view import read_views, Views

_Kind = TypeVar('_Kind')

MANIFEST = 'manifest.yaml'
#: 1 and 2: graphs give labels. 2: graphs may have weights in common. 3: graphs give scores.
FORMAT_VERSIONS = (1, 2, 3)
#: The bundle that is used when none is named.
DEFAULT_MODEL = 'mobilevit_lite0_lpcv'
#: The cheapest of the shipped ones.
LOW_POWER_MODEL = 'mobilevit_nano_lpcv'
PRECISIONS = ('fp32', 'fp16', 'int8')
IO_TYPES = ('uint8', 'float32')
CHANNEL_ORDERS = ('rgb', 'bgr')
#: What a class was learnt from, as a manifest's ``evidence`` says: labels that hands made of
#: photographs, what other networks saw in photographs, pictures of a simulation.
HAND, GUESSES, SIMULATION = 'hand labels', "a network's guesses", 'simulation'
#: Runtimes for which a bundle may prefer a precision.
CPU_RUNTIMES = ('openvino', 'onnxruntime')


@dataclass(frozen=True)
class Bundle:
    """
    A checked bundle; ``manifest`` is the whole manifest as read.

    ``sha256`` is the manifest's, one hash for the whole bundle: the manifest holds the others.
    """

    path: Path
    name: str
    height: int
    width: int
    channel_order: str
    classes: Tuple[ClassInfo, ...]
    ignore: int
    graphs: Tuple[Graph, ...]
    terms: str
    sha256: str
    manifest: Mapping[str, Any] = field(repr=False)
    #: CPU runtime -> precision of the graph that it takes, where that is not fp32.
    prefer: Mapping[str, str] = field(default_factory=dict)
    #: Whether its graphs end at scores (format 3) or at labels.
    gives_scores: bool = False
    #: What scores are divided by before the softmax that makes them confidence.
    temperature: float = 1.0
    #: How the pictures that it was trained on look; None where nobody recorded that.
    views: Optional[Views] = None

    @property
    def class_set(self) -> ClassSet:
        """Return the classes under the name of their set, or the bundle's where it says none."""
        return ClassSet(str(self.manifest.get('class_set') or self.name), self.classes)

    @property
    def names(self) -> Tuple[str, ...]:
        """Return the class names in id order."""
        return tuple(c.name for c in self.classes)

    @property
    def palette(self) -> np.ndarray:
        """Return the colours, (n, 3) uint8, RGB."""
        return np.array([c.color for c in self.classes], dtype=np.uint8)

    @property
    def graph_bytes(self) -> int:
        """Return the size of all graphs' files together, each file counted once."""
        files = {file for graph in self.graphs for file in graph.files}
        return sum(file.stat().st_size for file in files)

    @property
    def legend(self) -> str:
        """Return the classes as YAML that reads as a list: id, name, colour, what it is from."""
        lines = [f'# Class ids of {self.name}; {self.ignore} is unlabelled.']
        for c in self.classes:
            words = self.learnt_from(c.name)
            known = f', learnt_from: [{", ".join(repr(word) for word in words)}]' if words else ''
            lines.append(f"{c.id}: {{name: '{c.name}', rgb: {list(c.color)}{known}}}")
        return '\n'.join(lines) + '\n'

    def learnt_from(self, name: str) -> Tuple[str, ...]:
        """Return what a class was learnt from, the best first; () where the bundle is silent."""
        entry = (self.manifest.get('evidence') or {}).get(name) or {}
        return tuple(entry.get('learnt_from') or ())

    @property
    def simulated(self) -> Tuple[str, ...]:
        """Return the names of the classes that were learnt from a simulation alone."""
        return tuple(name for name in self.names if self.learnt_from(name) == (SIMULATION,))

    def graph(self, precision: str = 'fp32', io: str = 'uint8') -> Graph:
        """
        Return the graph of this precision and I/O type.

        :raises BundleError: when the bundle has none; the message lists what it has.
        """
        for graph in self.graphs:
            if (graph.precision, graph.io) == (precision, io):
                return graph
        present = ', '.join(f'{g.precision}/{g.io}' for g in self.graphs)
        raise BundleError(
            f'{self.path}: no {precision}/{io} graph in this bundle (it has {present}): '
            'export that variant with effvit-compress')

    def graph_for(self, runtime: str) -> Graph:
        """Return the graph with 8-bit I/O that a CPU runtime takes: fp32 or the preferred one."""
        return self.graph(self.prefer.get(runtime, 'fp32'))

    def preferring(self, runtime: str, precision: str) -> Bundle:
        """
        Return this bundle with another preference.

        :raises BundleError: the bundle has no such graph.
        """
        self.graph(precision)
        return replace(self, prefer={**self.prefer, runtime: precision})


def sha256_of(path: Union[str, Path]) -> str:
    """Return a file's sha256 as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        for block in iter(lambda: file.read(1 << 20), b''):
            digest.update(block)
    return digest.hexdigest()


def is_bundle(folder: Path) -> bool:
    """Return whether a folder claims to be a bundle: it has a manifest, sound or not."""
    return (Path(folder) / MANIFEST).exists()


def resolve_model(model: str) -> Path:
    """
    Return the folder meant by ``model``: a path, the name of a shipped bundle, or '' (default).

    :raises BundleError: when there is no such folder; the message lists the shipped bundles.
    """
    name = str(model) or DEFAULT_MODEL
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    shipped = models_directory()
    if '/' not in name and (shipped / name).is_dir():
        return shipped / name
    names = sorted(p.parent.name for p in shipped.glob(f'*/{MANIFEST}'))
    raise BundleError(
        f"model '{name}': no such folder and no shipped bundle of that name "
        f"(shipped: {', '.join(names) or 'none'})")


def load_bundle(path: Union[str, Path], sha256: str = '') -> Bundle:
    """
    Load and check the bundle in the folder ``path``.

    :param sha256: what ``sha256sum manifest.yaml`` may print for it, one hash or several,
        separated by commas; '' takes any bundle.
    :raises BundleError: a missing or unreadable manifest, another ``sha256``, an unknown format
        version, a missing key, a bad value, a missing graph, a graph whose sha256 differs, a
        class count that differs from the graph's.
    """
    path = Path(path)
    manifest, found = _read_manifest(path, sha256)
    version = manifest.get('format_version')
    if version not in FORMAT_VERSIONS:
        raise BundleError(
            f'{path / MANIFEST}: format_version is {version!r}, this release reads '
            f'{FORMAT_VERSIONS[0]} to {FORMAT_VERSIONS[-1]}: export the bundle again or update '
            'effvit_ros')
    reader = _Reader(path / MANIFEST)
    size = reader.get(manifest, 'input', dict)
    height = reader.positive(size, 'height', 'input.')
    width = reader.positive(size, 'width', 'input.')
    order = reader.choice(size, 'channel_order', CHANNEL_ORDERS, 'input.')
    classes = _read_classes(reader, manifest)
    ignore = reader.get(manifest, 'ignore', int)
    if not len(classes) <= ignore <= 255:
        raise BundleError(f'{reader.file}: ignore is {ignore}, but must be {len(classes)}..255')
    graphs = tuple(_read_graph(reader, path, entry, len(classes))
                   for entry in reader.get(manifest, 'graphs', list))
    if not graphs:
        raise BundleError(f'{reader.file}: graphs is empty: a bundle needs at least one graph')
    return Bundle(
        path=path, name=reader.get(manifest, 'name', str), height=height, width=width,
        channel_order=order, classes=classes, ignore=ignore, graphs=graphs,
        terms=str(manifest.get('terms') or ''), sha256=found, manifest=manifest,
        prefer=_read_preferences(reader, manifest, graphs), gives_scores=version >= 3,
        temperature=_read_temperature(reader, manifest), views=_read_views(reader, manifest))


def pin_problem(sha256: str) -> Optional[str]:
    """Return what is wrong with what is to be pinned, in one line, or None."""
    for pin in _pins(sha256):
        if not re.fullmatch('[0-9a-f]{64}', pin):
            return (f"model_sha256 holds '{pin}': give the 64 digits that sha256sum {MANIFEST} "
                    'prints, or several such, separated by commas')
    return None


def _pins(sha256: str) -> List[str]:
    return sha256.lower().replace(',', ' ').split()


def _read_manifest(path: Path, expected: str) -> Tuple[Dict[str, Any], str]:
    """Return the manifest and its sha256; refused before it is parsed where it is another."""
    file = path / MANIFEST
    if not path.is_dir():
        raise BundleError(f'{path}: no such folder: name a bundle folder with a {MANIFEST}')
    try:
        data = file.read_bytes()
        found = hashlib.sha256(data).hexdigest()
        if expected and found not in _pins(expected):
            raise BundleError(
                f'{file}: sha256 is {found}, but {expected} is pinned: this is another bundle '
                f'or a changed one; if it is meant, pin what sha256sum {file} prints')
        manifest = yaml.safe_load(data.decode('utf-8'))
    except FileNotFoundError:
        raise BundleError(f'{path}: no {MANIFEST} in it: this folder is not a bundle') from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = ' '.join(str(error).split())
        raise BundleError(f'{file}: not readable as YAML: {problem}') from None
    except OSError as error:
        raise BundleError(f'{file}: {error.strerror}') from None
    if not isinstance(manifest, dict):
        raise BundleError(f'{file}: holds {type(manifest).__name__}, not a mapping of keys')
    return manifest, found


def _read_classes(reader: _Reader, manifest: Mapping[str, Any]) -> Tuple[ClassInfo, ...]:
    try:
        return read_class_list(reader.get(manifest, 'classes', list), str(reader.file))
    except UserError as error:
        raise BundleError(str(error)) from None


def _read_graph(reader: _Reader, folder: Path, entry: Any, n_classes: int) -> Graph:
    if not isinstance(entry, dict):
        raise BundleError(f'{reader.file}: graphs holds {entry!r}, not file, sha256 and so on')
    name = reader.get(entry, 'file', str, 'graphs[].')
    where = f'graphs[{name}].'
    weights = None if entry.get('weights') is None else reader.get(entry, 'weights', str, where)
    for key, value in (('file', name), ('weights', weights)):
        if value is not None and (Path(value).name != value or '\0' in value):
            raise BundleError(
                f'{reader.file}: {where}{key} must be a plain name in the bundle folder')
    count = reader.positive(entry, 'classes', where)
    if count != n_classes:
        raise BundleError(
            f'{reader.file}: the graph {name} tells {count} classes apart, '
            f'but classes lists {n_classes}: use the class list of its export')
    graph = Graph(
        path=folder / name, sha256=reader.get(entry, 'sha256', str, where),
        precision=reader.choice(entry, 'precision', PRECISIONS, where),
        io=reader.choice(entry, 'io', IO_TYPES, where),
        opset=reader.positive(entry, 'opset', where),
        weights=None if weights is None else folder / weights)
    graph.read()
    return graph


def _read_preferences(reader: _Reader, manifest: Mapping[str, Any],
                      graphs: Iterable[Graph]) -> Dict[str, str]:
    if manifest.get('prefer') is None:
        return {}
    preferences = reader.get(manifest, 'prefer', dict)
    present = sorted({graph.precision for graph in graphs if graph.io == 'uint8'})
    for runtime in preferences:
        if runtime not in CPU_RUNTIMES:
            raise BundleError(f"{reader.file}: prefer names '{runtime}': "
                              f"give one of {', '.join(CPU_RUNTIMES)}")
        reader.choice(preferences, runtime, present, 'prefer.')
    return preferences


def _read_temperature(reader: _Reader, manifest: Mapping[str, Any]) -> float:
    value = manifest.get('temperature', 1.0)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e6:
        raise BundleError(f'{reader.file}: temperature is {value!r}: give a number above 0')
    return float(value)


def _read_views(reader: _Reader, manifest: Mapping[str, Any]) -> Optional[Views]:
    try:
        return read_views(manifest.get('views'), str(reader.file))
    except UserError as error:
        raise BundleError(str(error)) from None


class _Reader:
    """Reads typed keys out of the manifest and says what is wrong with one."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def get(self, mapping: Mapping[str, Any], key: str, kind: Type[_Kind],
            where: str = '') -> _Kind:
        """Return ``mapping[key]``, which must be there and of type ``kind``."""
        value: Optional[object] = mapping.get(key)
        if value is None:
            raise BundleError(f'{self.file}: {where}{key} is missing')
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise BundleError(f'{self.file}: {where}{key} is {value!r}, not {kind.__name__}')
        return value

    def positive(self, mapping: Mapping[str, Any], key: str, where: str = '') -> int:
        """Return an integer above zero."""
        value = self.get(mapping, key, int, where)
        if value < 1:
            raise BundleError(f'{self.file}: {where}{key} is {value}, but must be 1 or more')
        return value

    def choice(self, mapping: Mapping[str, Any], key: str, choices: Sequence[str],
               where: str = '') -> str:
        """Return one of ``choices``."""
        value = self.get(mapping, key, str, where)
        if value not in choices:
            raise BundleError(
                f"{self.file}: {where}{key} is '{value}': give one of {', '.join(choices)}")
        return value
