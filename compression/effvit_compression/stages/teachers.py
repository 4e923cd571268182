"""Ask the teachers that were trained elsewhere about every train picture, once."""
from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Callable, Dict, List, Optional

import cv2
import numpy as np

from effvit_compression.data.answers import Answers, GRID, Voice
from effvit_compression.data.pictures import Pictures
from effvit_compression.evaluation import reduction
from effvit_compression.pipeline import Run
from effvit_compression.recipe import given, Recipe, Source
from effvit_compression.stages.contents import content
from effvit_compression.teachers.networks import Network, open_teacher, opinion
from effvit_compression.teachers.settings import Asked, KnownTeacher
from effvit_ros.core.bundle import sha256_of
from effvit_ros.core.errors import UserError
from effvit_ros.core.metrics import ConfusionMatrix, defined, per_class_table
from effvit_ros.core.whole_file import write_text
from effvit_ros.report.progress import steps

NEEDS = ('data',)


def depends_on(recipe: Recipe) -> Optional[list]:
    """Return the teachers' settings and their files' hashes; :raises UserError: one is missing."""
    if not recipe.teachers:
        return None
    return [[teacher.asking, network_content(teacher)] for teacher in recipe.teachers]


def weighing(recipe: Recipe) -> list:
    """Return what the answers of all teachers weigh, for the stages that learn from them."""
    asked = [*recipe.teachers, *([recipe.transformer] if recipe.transformer else [])]
    return [teacher.weighing for teacher in asked]


def network_content(teacher: KnownTeacher) -> List[str]:
    """Return the hashes of a teacher's files."""
    if teacher.model:
        return content(teacher.model)
    try:
        return [sha256_of(given(teacher.onnx))]
    except OSError as error:
        raise UserError(f'teacher {teacher.name}: {teacher.onnx}: {error.strerror}') from error


def run(run: Run, place: Path) -> dict:
    """Score each teacher on every val set and keep its answers to the train pictures."""
    check_datasets(run)
    scores = {}
    for teacher in run.recipe.teachers:
        ask = functools.partial(opinion, open_teacher(teacher, run.recipe.class_set), teacher)
        scores[teacher.name] = kept(place / teacher.name / 'scores.json',
                                    functools.partial(score_all, run, ask, teacher.name))
        for name, entry in scores[teacher.name].items():
            run.say(f'teachers: {teacher.name} on {name}/val: mIoU {entry["miou"]:.3f}')
        for source in asked_on(run, teacher):
            write_answers(ask, run.pictures(source, 'train'), file_of(place, teacher, run, source))
    return {'scores': scores}


def kept(path: Path, measure: Callable[[], dict]) -> dict:
    """Return what a file holds, measured and written where it is not there."""
    if not path.exists():
        write_text(path, json.dumps(measure(), indent=2) + '\n')
    return json.loads(path.read_text(encoding='utf-8'))


def check_datasets(run: Run) -> None:
    """Refuse a teacher of a set that is not trained on; :raises UserError: there is one."""
    names = [run.description(source).name for source in run.recipe.data if source.share]
    for teacher in run.recipe.teachers:
        for name in teacher.datasets:
            if name not in names:
                raise UserError(f'teacher {teacher.name}: datasets names {name!r}; trained on are '
                                f'{", ".join(names)}')


def asked_on(run: Run, teacher: Asked) -> List[Source]:
    """Return the sources that a teacher is asked about."""
    return [source for source in run.recipe.data
            if source.share and run.description(source).name in teacher.datasets]


def file_of(place: Path, teacher: KnownTeacher, run: Run, source: Source) -> Path:
    """Return the path of a teacher's answers about a source's train pictures."""
    return place / teacher.name / f'{run.description(source).name}.npy'


def write_answers(ask: Network, pictures: Pictures, path: Path) -> None:
    """Write the answers about all pictures, unless that is done."""
    if path.exists():
        return
    answers = np.zeros(
        (len(pictures), GRID, GRID, len(pictures.description.target)), np.float16)
    with steps(f'{path.parent.name} on {path.stem}', len(pictures)) as advance:
        for index in range(len(pictures)):
            answers[index] = ask(pictures[index][0])
            advance()
    temporary = path.with_suffix('.tmp.npy')
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(temporary, answers)
    temporary.replace(path)


def score_all(run: Run, ask: Network, name: str) -> Dict[str, dict]:
    """Score a teacher on the val pictures of every source, by dataset."""
    return {run.description(source).name: score(ask, run.pictures(source, 'val'), name)
            for source in run.recipe.data}


def score(ask: Network, pictures: Pictures, name: str) -> dict:
    """Score a teacher as a network is scored: at the pictures' own size."""
    table, names = reduction(pictures.description.target.names, pictures.description.trusted)
    confusion = ConfusionMatrix(len(names))
    with steps(f'{name} on {pictures.description.name}/val', len(pictures)) as advance:
        for index in range(len(pictures)):
            image, truth = pictures[index]
            said = cv2.resize(ask(image), truth.shape[::-1], interpolation=cv2.INTER_LINEAR)
            confusion.update(table[truth], table[said.argmax(-1)])
            advance()
    return {'miou': defined(confusion.miou), 'classes_present': confusion.classes_present,
            'n_images': len(pictures), 'per_class': per_class_table(confusion, names)}


def answers_of(run: Run, source: Source, transformer: bool) -> Optional[Answers]:
    """
    Return what the teachers said of a source's train pictures, None where none was asked.

    :param transformer: whether the transformer is one of them.
    """
    name, recipe = run.description(source).name, run.recipe
    voices = [Voice(file_of(run.place('teachers'), teacher, run, source),
                    teacher.weights(name, recipe.class_set))
              for teacher in recipe.teachers if name in teacher.datasets]
    if transformer and recipe.transformer and name in recipe.transformer.datasets:
        voices.append(Voice(run.place('transformer') / 'answers' / f'{name}.npy',
                            recipe.transformer.weights(name, recipe.class_set)))
    return Answers(voices) if voices else None
