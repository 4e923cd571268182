"""Many bags: where each one's results go, in which state each is, the report over all."""
from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import (
    Any,
    Dict,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
    TYPE_CHECKING,
    Union,
)

from effvit_ros.bags.bag import bag_name
from effvit_ros.bags.problems import Problem
from effvit_ros.evaluation.offline_page import offline_page
from effvit_ros.evaluation.one_bag import Job, Outcome
from effvit_ros.evaluation.report import load_report, pooled_report, write_report
from effvit_ros.evaluation.scoring import Settings
from effvit_ros.report.render import write_page

if TYPE_CHECKING:
    from effvit_ros.evaluation.executors import Executor
    from effvit_ros.report.progress import Bars

BAGS = 'bags'


class Batch(NamedTuple):
    """
    What a batch came to.

    ``report`` is the only bag's or the pooled one, None where no bag could be evaluated;
    ``outcomes`` are in the order of the bags, without those that were interrupted.
    """

    report: Optional[Dict[str, Any]]
    outcomes: Tuple[Outcome, ...]
    interrupted: bool

    @property
    def problems(self) -> List[Problem]:
        """Return the problems of all bags."""
        return [problem for outcome in self.outcomes for problem in outcome.problems]


def plan(bags: Sequence[Path], out: Union[str, Path], settings: Settings,
         fresh: bool = False) -> List[Job]:
    """
    Return a :class:`~effvit_ros.evaluation.one_bag.Job` for each bag.

    One bag's results go straight into ``out``, those of several into ``out/bags/NAME``.
    """
    if len(bags) == 1:
        return [Job(str(bags[0]), str(out), settings, fresh)]
    jobs: List[Job] = []
    taken: Set[str] = set()
    for bag in bags:
        name, number = bag_name(bag), 1
        while name in taken:
            number += 1
            name = f'{bag_name(bag)}_{number}'
        taken.add(name)
        jobs.append(Job(str(bag), str(Path(out) / BAGS / name), settings, fresh))
    return jobs


def run_batch(jobs: Sequence[Job], out: Union[str, Path], executor: Executor,
              progress: Bars) -> Batch:
    """
    Run the jobs, whatever becomes of each, and write the report over all that are finished.

    Ctrl-C ends the batch early: what is finished stays and is pooled.
    """
    began = datetime.now(timezone.utc)
    outcomes: Dict[Job, Outcome] = {}
    interrupted = False
    names = {job: bag_name(job.bag) for job in jobs}
    try:
        for outcome in executor.run(jobs, lambda job, *frames: progress.advance(
                names[job], *frames)):
            outcomes[outcome.job] = outcome
            progress.finish(names[outcome.job], _status(outcome))
    except KeyboardInterrupt:
        interrupted = True
    ordered = tuple(outcomes[job] for job in jobs if job in outcomes)
    report = _report(jobs, ordered, Path(out), began)
    return Batch(report, ordered, interrupted)


def _report(jobs: Sequence[Job], outcomes: Sequence[Outcome], out: Path,
            began: datetime) -> Optional[Dict[str, Any]]:
    evaluated = [o.job for o in outcomes if o.status != 'failed']
    if not evaluated:
        return None
    if len(jobs) == 1:
        return load_report(out)[0]
    entries = [(Path(job.out).relative_to(out).as_posix(), load_report(job.out)[0])
               for job in evaluated]
    report = pooled_report(out, entries, {'began': began.isoformat(timespec='seconds')})
    report['not_evaluated'] = [
        {'bag': o.job.bag, 'problem': o.problems[0].line()}
        for o in outcomes if o.status == 'failed']
    write_page(offline_page(report, out), out)
    write_report(report, out)
    return report


def _status(outcome: Outcome) -> str:
    words = {'done': 'done', 'kept': 'finished earlier, kept', 'failed': 'left out'}
    count = len(outcome.problems)
    noted = f', {count} problem{"s" if count > 1 else ""}' if count else ''
    return words[outcome.status] + (noted if outcome.status != 'failed' else '')
