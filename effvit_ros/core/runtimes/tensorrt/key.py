"""What an engine fits: compared before it is loaded, so that a misfit is named."""
from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Dict, Iterable, List, Tuple

from effvit_ros.core.bundle import Bundle
from effvit_ros.core.runtimes.tensorrt.library import Library

#: ``gpu`` of an engine that fits every GPU of its compute capabilities (TensorRT for RTX).
ANY_GPU = 'any'


@dataclass(frozen=True)
class EngineKey:
    """
    The facts that must agree between an engine and the place where it runs.

    ``compute_capability`` is such as ``8.7``; for TensorRT for RTX it may list several,
    separated by spaces. ``shape`` is the graph's input, (1, height, width, 3).
    """

    runtime: str
    version: str
    gpu: str
    compute_capability: str
    precision: str
    io: str
    shape: Tuple[int, ...]
    graph_sha256: str

    def differences(self, wanted: EngineKey) -> List[str]:
        """Return one phrase for each field in which an engine of this key misses ``wanted``."""
        phrases = []
        for name in (field.name for field in fields(self)):
            found, needed = getattr(self, name), getattr(wanted, name)
            if name == 'compute_capability':
                fits = set(needed.split()) <= set(found.split())
            else:
                fits = found == needed
            if not fits:
                if name == 'graph_sha256':
                    found, needed = found[:12], needed[:12]
                phrases.append(f'{name} {found} (here: {needed})')
        return phrases

    def as_mapping(self) -> Dict[str, Any]:
        """Return the fields as YAML can hold them."""
        return dict(asdict(self), shape=list(self.shape))

    @classmethod
    def from_mapping(cls, mapping: Any) -> EngineKey:
        """
        Return the key that :meth:`as_mapping` wrote.

        :raises ValueError: a field is missing, unknown or of another type.
        """
        names = {field.name for field in fields(cls)}
        if not isinstance(mapping, dict) or set(mapping) != names:
            raise ValueError(f'key must hold exactly {", ".join(sorted(names))}')
        values = dict(mapping)
        shape = values.pop('shape')
        if not isinstance(shape, list) or not all(type(n) is int for n in shape):
            raise ValueError(f'key.shape is {shape!r}, not a list of numbers')
        for name, value in values.items():
            if not isinstance(value, str):
                raise ValueError(f'key.{name} is {value!r}, not a text')
        return cls(shape=tuple(shape), **values)


def key_for(library: Library, bundle: Bundle, gpu: str,
            compute_capabilities: Iterable[str]) -> EngineKey:
    """
    Return the key of an engine for ``bundle``.

    :param gpu: the GPU's name; not used by TensorRT for RTX.
    :param compute_capabilities: texts such as ``8.7``; only TensorRT for RTX takes several.
    :raises BundleError: the bundle lacks the graph that this release builds from.
    """
    graph = library.graph(bundle)
    return EngineKey(
        runtime=library.name, version=library.version,
        gpu=ANY_GPU if library.for_rtx else gpu,
        compute_capability=' '.join(compute_capabilities), precision='fp16', io=graph.io,
        shape=(1, bundle.height, bundle.width, 3), graph_sha256=graph.sha256)
