"""An ONNX file: what it expects and gives is found in the graph, or asked for."""
from __future__ import annotations

import ast
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import cv2
import numpy as np
import onnx
import onnxruntime
from google.protobuf.message import DecodeError
from onnx.tools.update_model_dims import update_inputs_outputs_dims

from effvit_compression.importing.source import Normalisation, Source
from effvit_ros.core.errors import UserError

#: Element types of labels.
INTEGERS = ('tensor(int64)', 'tensor(int32)', 'tensor(uint8)')
AGPL = ('AGPL-3.0: whoever offers a service or product with these weights must publish its source '
        'under that licence, or buy another from Ultralytics')


def read_onnx(path: Path, size: Optional[Tuple[int, int]], normalisation: Optional[Normalisation],
              layout: str, order: str, output: str) -> Source:
    """
    Read an ONNX segmentation network.

    :param size: (width, height), for graphs of any size.
    :param layout: ``nchw`` or ``nhwc``; '' finds out.
    :param output: name of the output to take; '' takes the only one.
    :raises UserError: no ONNX, or one line that says what is to be given.
    """
    try:
        model = onnx.load(str(path))
        onnx.checker.check_model(model)
    except (DecodeError, OSError, onnx.checker.ValidationError) as error:
        raise UserError(f'{path}: no readable ONNX file ({" ".join(str(error).split())[:120]})'
                        ) from error
    facts = {entry.key: entry.value for entry in model.metadata_props}
    chosen = choose_output(model, output, path)
    model = fixed(model, path, size, layout)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=['CPUExecutionProvider'])
    source = session.get_inputs()[0]
    if source.type != 'tensor(float)':
        raise UserError(f'{path}: its input is {source.type}: give a graph that takes float '
                        'pictures')
    layout, height, width = arranged(source.shape, path)
    given = given_by(facts, path)
    normalisation = normalisation or given
    if normalisation is None:
        raise UserError(f'{path}: how pictures are normalised is not in the file: give '
                        '--normalisation imagenet, unit, symmetric or none, or --mean and --std')
    result = session.run([chosen], {source.name: np.zeros(source.shape, np.float32)})[0]
    kind = next(o.type for o in session.get_outputs() if o.name == chosen)
    labels, classes, reorder = meaning(result.shape, kind, (height, width), path)
    model = only_output(model, chosen)

    def reference(image: np.ndarray) -> np.ndarray:
        picture = normalisation.apply(image if order == 'rgb' else image[..., ::-1])
        picture = picture[None] if layout == 'nhwc' else picture.transpose(2, 0, 1)[None]
        found = session.run([chosen], {source.name: np.ascontiguousarray(picture)})[0]
        if labels:
            return found.reshape(found.shape[-2:]).astype(np.uint8)
        return from_scores(found[0] if not reorder else found[0].transpose(2, 0, 1),
                           (height, width))
    model.metadata_props.clear()
    return Source(model, height, width, classes, labels, layout, order, normalisation, reference,
                  f'Imported from {path.name}.', facts.get('license', 'unknown'),
                  AGPL if 'AGPL' in facts.get('license', '') else '', names_in(facts),
                  reorder)


def choose_output(model: onnx.ModelProto, output: str, path: Path) -> str:
    """Return the output to take; :raises UserError: there are several, or none of the name."""
    names = [o.name for o in model.graph.output]
    initial = {t.name for t in model.graph.initializer}
    inputs = [i.name for i in model.graph.input if i.name not in initial]
    if len(inputs) != 1:
        raise UserError(f'{path}: {len(inputs)} inputs ({", ".join(inputs)}): a segmenter takes '
                        'one picture')
    if output and output not in names:
        raise UserError(f'{path}: no output {output!r}; it has {", ".join(names)}')
    if not output and len(names) > 1:
        raise UserError(f'{path}: {len(names)} outputs ({", ".join(names)}): give --output NAME, '
                        'the one with scores or labels')
    return output or names[0]


def fixed(model: onnx.ModelProto, path: Path, size: Optional[Tuple[int, int]],
          layout: str) -> onnx.ModelProto:
    """Return the graph for one picture of one size; :raises UserError: the size is not known."""
    initial = {t.name for t in model.graph.initializer}
    entry = next(i for i in model.graph.input if i.name not in initial)
    dims = [d.dim_value if d.HasField('dim_value') else 0
            for d in entry.type.tensor_type.shape.dim]
    if len(dims) != 4:
        raise UserError(f'{path}: its input has {len(dims)} dimensions, not four (one picture)')
    nhwc = layout == 'nhwc' or (not layout and dims[3] == 3 and dims[1] != 3)
    if not layout and 3 not in (dims[1], dims[3]):
        raise UserError(f'{path}: its input is {dims}, where 0 is any: give --layout nchw or nhwc')
    sides = dims[1:3] if nhwc else dims[2:4]
    if all(sides):
        if size and sides != [size[1], size[0]]:
            raise UserError(f'{path}: takes {sides[1]}x{sides[0]} pixels, not --size '
                            f'{size[0]}x{size[1]}: export it anew for that')
    elif size is None:
        raise UserError(f'{path}: takes pictures of any size: give --size WIDTHxHEIGHT, that of '
                        'its training')
    else:
        sides = [size[1], size[0]]
    if dims[0] > 1:
        raise UserError(f'{path}: takes {dims[0]} pictures at a time: export it for one')
    height, width = sides
    wanted = [1, height, width, 3] if nhwc else [1, 3, height, width]
    if dims == wanted:
        return model
    outputs = {o.name: [d.dim_param or f'{o.name}_{i}' if not d.HasField('dim_value')
                        else d.dim_value for i, d in enumerate(o.type.tensor_type.shape.dim)]
               for o in model.graph.output}
    for entry_dims in outputs.values():  # the batch's size may be written in
        if entry_dims:
            entry_dims[0] = 1
    return update_inputs_outputs_dims(model, {entry.name: wanted}, outputs)


def arranged(shape: List[int], path: Path) -> Tuple[str, int, int]:
    """Return layout, height and width of a fixed input."""
    if shape[1] == 3 and shape[3] == 3:
        raise UserError(f'{path}: its input {shape} reads both ways')
    return ('nchw', shape[2], shape[3]) if shape[1] == 3 else ('nhwc', shape[1], shape[2])


def meaning(shape: Sequence[int], kind: str, size: Tuple[int, int], path: Path,
            ) -> Tuple[bool, Optional[int], bool]:
    """
    Return whether the output is labels, the number of classes, and whether scores are NHWC.

    :raises UserError: it is neither scores nor labels of one picture.
    """
    if kind in INTEGERS and tuple(shape) in ((1, *size), (1, 1, *size)):
        return True, None, False
    if kind == 'tensor(float)' and len(shape) == 4 and shape[0] == 1:
        ratio = size[0] / size[1]
        if shape[1] >= 2 and abs(shape[2] / shape[3] / ratio - 1) < 0.1 and shape[2] > 1:
            return False, int(shape[1]), False
        if shape[3] >= 2 and abs(shape[1] / shape[2] / ratio - 1) < 0.1:
            return False, int(shape[3]), True
    raise UserError(f'{path}: its output is {kind} {list(shape)}: scores are float (1, classes, '
                    'h, w), labels whole numbers (1, H, W) of the input\'s size; a detector or '
                    'an instance segmenter is neither')


def given_by(facts: Dict[str, str], path: Path) -> Optional[Normalisation]:
    """Return the normalisation of an Ultralytics export; :raises UserError: of a detector."""
    if 'Ultralytics' not in facts.get('author', ''):
        return None
    if facts.get('task', 'semantic') != 'semantic':
        raise UserError(f'{path}: an Ultralytics export for the task {facts["task"]!r}: only '
                        'semantic segmentation labels every pixel')
    return Normalisation.named('unit')


def names_in(facts: Dict[str, str]) -> Tuple[str, ...]:
    """Return the class names that an Ultralytics export holds."""
    try:
        names = ast.literal_eval(facts.get('names', '{}'))
        return tuple(str(names[index]) for index in range(len(names)))
    except (ValueError, SyntaxError, KeyError, TypeError):
        return ()


def only_output(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """Return a copy whose only output is this one."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    kept = [o for o in copy.graph.output if o.name == name]
    del copy.graph.output[:]
    copy.graph.output.extend(kept)
    return copy


def from_scores(scores: np.ndarray, size: Tuple[int, int]) -> np.ndarray:
    """Labels (H, W) uint8 of scores (classes, h, w): bilinear, pixel centres, then argmax."""
    enlarged = [cv2.resize(plane, size[::-1], interpolation=cv2.INTER_LINEAR) for plane in scores]
    return np.argmax(enlarged, axis=0).astype(np.uint8)
