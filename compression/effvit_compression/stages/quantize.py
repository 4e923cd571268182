"""Make the graphs in every wanted precision, each proved against torch on real pictures."""
from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Dict, List, Optional

import onnx

from effvit_compression.data.pictures import stretched
from effvit_compression.export.add_int8 import add_int8, FILE, Int8Rejected
from effvit_compression.export.bundle import Description, make_variants, Variant, write_bundle
from effvit_compression.export.int8 import evenly_spaced
from effvit_compression.export.parity import Parity
from effvit_compression.export.price import as_result, of_result, PriceSet
from effvit_compression.export.settings import Int8Settings
from effvit_compression.models.factory import SegmentationNet
from effvit_compression.models.store import load_model
from effvit_compression.pipeline import Run, STUDENTS
from effvit_compression.recipe import Recipe
from effvit_ros.core.bundle import sha256_of
from effvit_ros.core.whole_file import write_bytes

NEEDS = STUDENTS
#: Pictures of each source that the graphs are proved on.
PROOFS = 3


def depends_on(recipe: Recipe) -> list:
    """Return the section, the input size and whether a float graph is wanted."""
    return [recipe.quantize.model_dump(mode='json'), recipe.size, recipe.export.float_io]


def run(run: Run, place: Path) -> dict:
    """Write the graphs; return their parity with torch and their hashes."""
    recipe = run.recipe
    wanted = [('fp32', 'uint8')]
    wanted += [('fp16', 'uint8')] if recipe.quantize.fp16 else []
    wanted += [('fp32', 'float32')] if recipe.export.float_io else []
    pictures = [stretched(run.pictures(source, 'val')[index][0], recipe.size)
                for source in recipe.data
                for index in range(min(PROOFS, len(run.pictures(source, 'val'))))]
    net = load_model(run.place(run.student))
    graphs, made = [], make_variants(net, recipe.size, wanted, pictures)
    for variant in made:
        assert isinstance(variant.parity, Parity)  # INT8, which has a price, comes later
        write_bytes(place / variant.file, variant.graph.SerializeToString())
        graphs.append({
            'precision': variant.precision, 'io': variant.io_type, 'file': variant.file,
            'bytes': (place / variant.file).stat().st_size,
            'sha256': sha256_of(place / variant.file),
            'agreement': variant.parity.agreement, 'margin': variant.parity.margin})
    result: Dict[str, Any] = {'student': run.student, 'graphs': graphs}
    if recipe.quantize.int8:
        result['int8'] = quantize(run, recipe.quantize.int8, place, net, made[0])
    return result


def quantize(run: Run, settings: Int8Settings, place: Path, net: SegmentationNet, full: Variant,
             ) -> Optional[dict]:
    """Write the graph in INT8 if its price is right; return file and price, None without it."""
    recipe = run.recipe
    sources = [source for source in recipe.data if source.share]
    whole = sum(source.share for source in sources)
    calibration = [
        stretched(run.pictures(source, 'train')[index][0], recipe.size) for source in sources
        for index in evenly_spaced(range(len(run.pictures(source, 'train'))),
                            math.ceil(settings.pictures * source.share / whole))]
    names = ', '.join(f'{run.description(source).name}/train' for source in sources)
    sets = [PriceSet(f'{val.description.name}/val', val, val.description.trusted)
            for val in (run.pictures(source, 'val') for source in recipe.data)]
    folder = write_bundle(net, [full], place / 'int8', recipe.size,
                          Description(recipe.export.name, (), '', ''))
    try:
        price = add_int8(folder, folder, calibration, sets, settings.most_lost,
                         f'{len(calibration)} pictures of {names}', settings.most_lost_class)
    except Int8Rejected as error:
        run.say(f'quantize: {error}')
        return None
    run.say(f'quantize: INT8 loses {price.loss:.4f} mIoU and is {price.speedup:.2f} times as fast')
    return {'file': f'{folder.name}/{FILE}', 'price': as_result(price)}


def variants(run: Run) -> List[Variant]:
    """Load what this stage made."""
    result, place = run.results['quantize'], run.place('quantize')
    made = [Variant(entry['precision'], entry['io'], onnx.load(str(place / entry['file'])),
                    Parity(entry['agreement'], entry['margin'])) for entry in result['graphs']]
    if result.get('int8'):
        made.append(Variant('int8', 'uint8', onnx.load(str(place / result['int8']['file'])),
                            of_result(result['int8']['price'])))
    return made
