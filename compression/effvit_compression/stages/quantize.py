"""Make the graphs in every wanted precision, each proved against torch on real pictures."""
from __future__ import annotations

import os

import onnx

from effvit_compression.data.pictures import stretched
from effvit_compression.export.bundle import make_variants, Variant
from effvit_compression.export.parity import Parity
from effvit_compression.models.store import load_model
from effvit_ros.core.bundle import sha256_of

NEEDS = ('baseline', 'distill', 'prune', 'finetune')
#: Pictures of each source that the graphs are proved on.
PROOFS = 3


def depends_on(recipe):
    """Return the section, the input size and whether a float graph is wanted."""
    return [recipe.quantize.model_dump(mode='json'), recipe.size, recipe.export.float_io]


def run(run, place):
    """Write the graphs; return their parity with torch and their hashes."""
    recipe = run.recipe
    wanted = [('fp32', 'uint8')]
    wanted += [('fp16', 'uint8')] if recipe.quantize.fp16 else []
    wanted += [('fp32', 'float32')] if recipe.export.float_io else []
    pictures = [stretched(run.pictures(source, 'val')[index][0], recipe.size)
                for source in recipe.data
                for index in range(min(PROOFS, len(run.pictures(source, 'val'))))]
    graphs = []
    for variant in make_variants(load_model(run.place(run.student)), recipe.size, wanted,
                                 pictures):
        temporary = place / (variant.file + '.tmp')
        onnx.save(variant.graph, str(temporary))
        os.replace(temporary, place / variant.file)
        graphs.append({
            'precision': variant.precision, 'io': variant.io_type, 'file': variant.file,
            'bytes': (place / variant.file).stat().st_size,
            'sha256': sha256_of(place / variant.file),
            'agreement': variant.parity.agreement, 'margin': variant.parity.margin})
    return {'student': run.student, 'graphs': graphs}


def variants(run):
    """Load what this stage made."""
    return [Variant(entry['precision'], entry['io'],
                    onnx.load(str(run.place('quantize') / entry['file'])),
                    Parity(entry['agreement'], entry['margin']))
            for entry in run.results['quantize']['graphs']]
