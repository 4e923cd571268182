"""The figures of a run as tables."""
from __future__ import annotations

from typing import Dict, List, Sequence

#: Stages that leave a network of their own.
NETWORKS = ('teacher', 'baseline', 'distill', 'prune', 'finetune', 'average', 'offsets')


def stage_rows(results: Dict[str, dict]) -> List[dict]:
    """One row for each stage that left a network: size, cost and a score for each dataset."""
    rows = []
    for stage in NETWORKS:
        if stage in results:
            found = results[stage]
            row = {'stage': stage, 'parameters, M': found['parameters'] / 1e6,
                   'GMAC': found['gmacs']}
            for name, scores in found['scores'].items():
                row[f'mIoU {name}'] = scores['miou']
                if scores['mdice_lpcv'] is not None:  # LPCV's own
                    row[f'LPCV mDice {name}'] = scores['mdice_lpcv']
            rows.append(row)
    return rows


def int8_row(student: str, price: dict, datasets: Sequence[str]) -> dict:
    """Row of the graph in INT8: the student's, with the scores that its price came with."""
    scores = {entry['data'].partition('/')[0]: entry['miou_int8'] for entry in price['scores']}
    return {'stage': f'{student} in INT8',
            **{f'mIoU {name}': scores.get(name) for name in datasets}}


def class_rows(results: Dict[str, dict], dataset: str) -> List[dict]:
    """One row for each class that occurs in a dataset, with its IoU after each stage."""
    stages = [stage for stage in NETWORKS if stage in results]
    first = results[stages[0]]['scores'][dataset]['per_class']
    return [{'class': name, 'share of pixels': f'{row["share"]:.3%}', 'support': row['support'],
             **{stage: results[stage]['scores'][dataset]['per_class'][name]['iou']
                for stage in stages}}
            for name, row in first.items() if row['support']]
