"""From the classes of an export to those that a network tells apart, by name."""
from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Sequence

from effvit_compression.data.importers.export import Export, UNLABELLED
from effvit_ros.core.errors import UserError
from effvit_ros.core.yaml_files import read_yaml

#: What a class is sent to whose pixels shall count nowhere.
IGNORED = 'ignore'


def mapping_of(texts: Sequence[str]) -> Dict[str, str]:
    """
    Return export class -> class of ``--mapping`` values: ``THEIRS=OURS`` or a YAML file.

    :raises UserError: neither, or a class is sent to two places.
    """
    mapping: Dict[str, str] = {}
    for text in texts:
        theirs, sign, ours = text.rpartition('=')
        if sign:
            pairs = {theirs: ours}
        else:
            pairs = {str(k): str(v) for k, v in read_yaml(Path(text), '--mapping').items()}
        for name, target in pairs.items():
            if mapping.setdefault(name.strip(), target.strip()) != target.strip():
                raise UserError(f'--mapping: {name!r} is sent to {mapping[name]!r} and {target!r}')
    return mapping


def table_of(export: Export, names: Sequence[str], mapping: Dict[str, str]) -> Dict[str, int]:
    """
    Return the id of each class of an export: by ``mapping``, else by the same name.

    Classes that nothing is labelled as need no place.

    :raises UserError: classes without a place, all listed; a target that is no class; a name that
        may mean a class or nothing.
    """
    table, lost = {}, []
    for name, target in mapping.items():
        if name not in export.classes:
            raise UserError(f'--mapping {name}={target}: the export has no such class; it has '
                            f'{", ".join(export.classes)}')
        if target not in names and target != IGNORED:
            raise UserError(f'--mapping {name}={target}: no such class; there are '
                            f'{", ".join(names)} and {IGNORED}')
    used = used_classes(export)
    for name in export.classes:
        if name in export.void and name not in mapping:
            if name in names:
                raise UserError(
                    f'{name!r} may mean a class or "nobody labelled this" in such an export: '
                    f'give --mapping {name}={name} or --mapping {name}={IGNORED}')
            table[name] = UNLABELLED
            continue
        target = mapping.get(name, name)
        if target in names:
            table[name] = list(names).index(target)
        elif target == IGNORED or name not in used:
            table[name] = UNLABELLED
        else:
            lost.append(name)
    if lost:
        raise UserError(f'classes without a place: {", ".join(lost)}: give --mapping THEIRS=OURS '
                        f'for each, with one of {", ".join(names)}, {IGNORED}')
    return table


def used_classes(export: Export) -> List[str]:
    """Return the classes that something is labelled as; masks may hold any."""
    if any(drawing.ids for drawing in export.drawings):
        return export.classes
    return [layer.name for drawing in export.drawings for layer in drawing.layers]
