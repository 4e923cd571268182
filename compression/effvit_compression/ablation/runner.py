"""Carries out trials, each in its own process; what is finished stays as it is."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Callable, Dict, Optional, Sequence

import yaml

from effvit_compression.ablation.grid import Trial
from effvit_compression.ablation.trial import RECIPE, RESULT, TEACHER_STAGES, TRIAL_STAGES
from effvit_compression.files import locked
from effvit_compression.pipeline import is_finished, keys_of
from effvit_compression.recipe import Recipe, Teacher
from effvit_ros.core.errors import UserError
from effvit_ros.core.whole_file import write_text

LOG = 'log.txt'


class Runner:
    """
    Keeps an ablation's folder: ``rows/ROW/SEED`` and the ``stages`` that they share.

    Several may work in one folder, on one machine or on several that share the file system.

    :param recipe: as written, whose teacher teaches every row that does not change it.
    """

    def __init__(self, folder: Path, recipe: Recipe, say: Callable[[str], None] = print):
        self._folder = folder.resolve()
        self._store = self._folder / 'stages'
        self._recipe = recipe
        self._say = say
        self._teacher_failed = ''

    def place(self, trial: Trial) -> Path:
        """Folder of a trial."""
        return self._folder / 'rows' / trial.name

    def result(self, trial: Trial) -> Optional[dict]:
        """Return a trial's figures; None when it is not finished, or was before a change."""
        path = self.place(trial) / RESULT
        if not path.exists() or (trial.taught and not self._teacher_is_finished()):
            return None
        found = json.loads(path.read_text(encoding='utf-8'))
        key = keys_of(self.resolved(trial), TRIAL_STAGES)['score']
        return found if found['key'] == key else None

    def status(self, trial: Trial) -> str:
        """Say of a trial without figures why it has none."""
        if (self.place(trial) / RESULT).exists():
            return 'finished before its settings or data changed'
        return 'interrupted' if (self.place(trial) / LOG).exists() else 'not started'

    def run(self, trials: Sequence[Trial]) -> Dict[str, str]:
        """Carry out what is not finished; return why, by name, for each trial that failed."""
        failures: Dict[str, str] = {}
        for number, trial in enumerate(trials, 1):
            where = f'{trial.name} ({number} of {len(trials)})'
            try:
                if trial.taught:
                    self._ensure_teacher()
                self._carry_out(trial, where)
            except UserError as error:
                failures[trial.name] = str(error)
                self._say(f'{where}: failed: {error}')
        return failures

    def resolved(self, trial: Trial) -> Recipe:
        """Recipe of a trial, the shared teacher's model and the shared cache filled in."""
        recipe = trial.recipe
        if not recipe.teacher:
            return recipe
        changes = {}
        if recipe.teacher.cache and not recipe.teacher.cache_folder:
            changes['cache_folder'] = self._folder / 'teacher_cache'
        if trial.taught:
            changes['model'] = self._teacher_place()
        teacher = Teacher(**{**recipe.teacher.model_dump(exclude_unset=True), **changes})
        return recipe.model_copy(update={'teacher': teacher})

    def _carry_out(self, trial: Trial, where: str) -> None:
        place = self.place(trial)
        with locked(place / 'lock', lambda: self._say(f'{where}: another process is at it')):
            if self.result(trial):
                self._say(f'{where}: finished before, nothing changed')
                return
            self._say(f'{where}: start, log in {place / LOG}')
            self._spawn(self.resolved(trial), place, trial.name)

    def _teacher_place(self) -> Path:
        key = keys_of(self._recipe, TEACHER_STAGES)['teacher']
        return self._store / f'teacher-{key[:12]}'

    def _teacher_is_finished(self) -> bool:
        key = keys_of(self._recipe, TEACHER_STAGES)['teacher']
        return is_finished(self._teacher_place(), key)

    def _ensure_teacher(self) -> None:
        if self._teacher_failed:
            raise UserError(self._teacher_failed)
        place = self._folder / 'teacher'
        with locked(place / 'lock', lambda: self._say('teacher: another process is at it')):
            if not self._teacher_is_finished():
                self._say(f'teacher: start, log in {place / LOG}')
                try:
                    self._spawn(self._recipe, place, 'teacher', '--teacher')
                except UserError as error:
                    self._teacher_failed = str(error)
                    raise

    def _spawn(self, recipe: Recipe, place: Path, name: str, *options: str) -> None:
        """Run a trial's process, copy what it says; :raises UserError: it failed."""
        fields = recipe.model_dump(mode='json', exclude_unset=True, exclude={'ablation'})
        write_text(place / RECIPE, yaml.safe_dump(fields, sort_keys=False))
        command = [sys.executable, '-m', 'effvit_compression.ablation.trial', str(place),
                   '--store', str(self._store), *options]
        last = ''
        with open(place / LOG, 'a', encoding='utf-8') as log, subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                env={**os.environ, 'PYTHONUNBUFFERED': '1'}) as process:
            for line in process.stdout or ():
                log.write(line)
                log.flush()
                self._say(f'{name}: {line.rstrip()}')
                last = line.strip() or last
        code = process.returncode
        if code < 0:
            raise UserError(f'killed by {signal.Signals(-code).name}')
        if code:
            raise UserError(last.removeprefix('error: ') or f'exit code {code}')
