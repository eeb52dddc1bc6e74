# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Merging layers that have lost their names, around everything else.

One merge is a job: it is recorded under the lock, its bytes are copied
without the lock, and its end is taken under the lock again::

    recorded    base <- a <- b <- c       b has lost its name, and c is
                                          copied into b, or b into c
    halted      base <- a <- b <- c       another verb came: all is as before,
                                          and the merge is begun anew later
    copied      base <- a <- b <- c       or "pivoting", if QEMU has to switch
    switched    headers, QEMU, and the definition stand on what is kept
    committed   base <- a <- b            the state says so
    unlinked                              the other file is gone

As long as no header is switched both layers are what they were to every
reader: what is copied down is what the upper layer hides anyway.
"""

from collections.abc import Callable
import contextlib
import dataclasses

from oslo_log import log as logging

from snapdriver import directory
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import jobs
from snapdriver import journal
from snapdriver import livemerge
from snapdriver import locks
from snapdriver import merges
from snapdriver import mergeswitch
from snapdriver import model
from snapdriver import offlinemerge
from snapdriver import preflight
from snapdriver import qemuimg
from snapdriver import survey as surveys

LOG = logging.getLogger(__name__)
Progress = Callable[[float], object]


@dataclasses.dataclass
class Report:
    """What a worker has done.

    :ivar done: one sentence for each merge.
    :ivar pending: id of a layer that stays, for now, and why.
    """

    done: list[str]
    pending: dict[str, str]


def work(instance: instances.Instance, report: Report, bandwidth: int,
         progress: Progress) -> bool:
    """Do one merge, with the lock held but for the copying.

    :param bandwidth: MiB per second; 0 for as fast as it goes.
    :returns: whether there may be another.
    :raises Busy: another verb has kept the lock; the job is halted by the
        next one.
    """
    found = [merge for merge in merges.possible(
        instance.state, instance.held_bytes, bool(bandwidth))
        if merge.lower not in report.pending]
    if not found:
        return False
    if instance.folder is not None and locks.are_merges_held(instance.folder):
        for merge in found:
            _put_off(instance, report, merge,
                     'the domain is being started or its disks are copied')
        return False
    merge, was_off = found[0], instance.is_off()
    try:
        live = _is_live(instance, merge)
        _lift(instance, merge)
    except exception.SnapdriverError as error:
        _put_off(instance, report, merge, str(error))
        return True
    job = jobs.begin(instance, jobs.MERGE, merge.disk, {
        'merge': dataclasses.asdict(merge), 'live': live})
    journal.reached('merge', 'recorded')
    why = None
    try:
        stamp = _copy(instance, merge, job, bandwidth, progress)
    except exception.Busy:
        raise
    except (exception.SnapdriverError, OSError) as error:
        why = str(error)  # QEMU may have come, and own the files by now
    except BaseException:
        if _is_ours(instance, job):
            halt(instance)
        raise
    if not _is_ours(instance, job):
        return True  # another verb came; it is begun anew
    if why is None and _end(instance, merge, stamp):
        report.done.append(_tell(instance, merge, live))
        return True
    halt(instance)
    if was_off == instance.is_off():  # else it goes on in the other way
        free, _ = instance.directory.free()
        _put_off(instance, report, merge, why or (
            'QEMU gave it up, or others ended it; '
            f'{free} bytes are free on the file system'))
    return True


def _copy(instance: instances.Instance, merge: merges.Merge, job: model.Job,
          bandwidth: int, progress: Progress) -> offlinemerge.Stamp | None:
    """:returns: None if QEMU has copied."""
    if job.data['live']:
        livemerge.start(instance, merge, bandwidth)
        journal.reached('merge', 'started')
        with instance.unlocked():
            livemerge.watch(instance, merge, qemuimg.Watch(progress=progress))
        return None
    offlinemerge.own(instance, merge)
    # Started with the lock held: whoever takes it next knows its process.
    with contextlib.ExitStack() as unlocked:
        def started(pid: int) -> None:
            jobs.note(instance, job, {'image_process': jobs.identify(pid)})
            journal.reached('merge', 'started')
            unlocked.enter_context(instance.unlocked())
        return offlinemerge.run(instance, merge, bandwidth,
                                qemuimg.Watch(started, progress))


def _tell(instance: instances.Instance, merge: merges.Merge,
          live: bool) -> str:
    told = (f'{_file(merge, merge.gone)} was merged {merge.direction.value} '
            f'into {_file(merge, merge.kept)}, '
            f'{"live" if live else "offline"}')
    LOG.info('%(told)s: %(name)s (%(uuid)s), %(bytes)d bytes at most',
             {'told': told, 'name': instance.name, 'uuid': instance.uuid,
              'bytes': merge.bytes})
    return told


def result(state: model.State, report: Report) -> model.Merged:
    """What was done, and why each layer that could go is still there."""
    waiting = dict.fromkeys(
        merges.mergeable(state), 'the layer on it holds an internal snapshot; '
        'it waits until that is deleted')
    return model.Merged(tuple(report.done), {
        state.layers[layer].file: why
        for layer, why in (waiting | report.pending).items()
        if layer in state.layers})


def is_elsewhere(instance: instances.Instance) -> bool:
    """Whether another process, or thread, is merging layers."""
    return any(jobs.is_alive(job)
               for job in jobs.of_type(instance.state, jobs.MERGE))


def halt(instance: instances.Instance) -> None:
    """Let no merge go on: another verb has to be done.

    :raises LibvirtFailed, Unfinished: one cannot be halted.
    """
    for job in jobs.of_type(instance.state, jobs.MERGE):
        merge = merges.Merge.read(job.data['merge'])
        if job.data['live']:
            livemerge.halt(instance, merge)
        else:
            offlinemerge.halt(job, instance.directory.uid)
        if mergeswitch.is_switched(instance, merge, job.data['live']):
            mergeswitch.begin(instance, merge, 'copied')
            mergeswitch.finish(instance)
        else:
            mergeswitch.freeze(instance)
            jobs.end(instance, job)


def _end(instance: instances.Instance, merge: merges.Merge,
         stamp: offlinemerge.Stamp | None) -> bool:
    """Take the end of a copy; whether the layers are merged now.

    :param stamp: of the upper layer as it was copied; None if by QEMU.
    """
    down = merge.direction is merges.Direction.DOWN
    if stamp is None and down and merge.upper in merges.active(
            instance.state):
        if not livemerge.is_ready(instance, merge):
            return False
        mergeswitch.begin(instance, merge, 'pivoting')
        livemerge.pivot(instance, merge)
    elif stamp is None or not down:
        if not mergeswitch.is_switched(instance, merge, stamp is None):
            return False
        mergeswitch.begin(instance, merge, 'copied')
    elif (mergeswitch.is_open(instance, merge)
          or not offlinemerge.is_unchanged(instance, merge, stamp)):
        return False
    else:
        mergeswitch.begin(instance, merge, 'copied', stamp)
    mergeswitch.finish(instance)
    return True


def _is_live(instance: instances.Instance, merge: merges.Merge) -> bool:
    """Whether QEMU has the two layers open, so that it has to merge them.

    :raises Refused: it is not the time.
    """
    domain, power, _, refusals = preflight.look(instance)
    free, _ = instance.directory.free()
    if free < merge.bytes:
        refusals.append(
            f'up to {merge.bytes} bytes may be needed and {free} are free on '
            'the file system, which the guests need, too; free some space')
    if power is model.Power.SHUTOFF:
        if refusals:
            raise exception.Refused('merge', instance.name, refusals)
        return False
    state = instance.state
    if merge.upper not in merges.active_chain(state, merge) and not refusals:
        return False
    if not refusals:
        survey = surveys.survey(instance, domain, power)
        refusals += survey.problems
        refusals += preflight.of_block_jobs(domain, survey)
    if refusals:
        raise exception.Refused('merge', instance.name, refusals)
    return True


def _lift(instance: instances.Instance, merge: merges.Merge) -> None:
    """Make writable what is written, and see that what goes can go.

    QEMU dies if it cannot write the header of the layer above (facts 12b).

    :raises PrivilegeMissing: a file cannot be changed: immutable, say.
    """
    layers = instance.state.layers
    try:
        for layer in {*merges.lifted(instance.state, merge), merge.gone}:
            instance.directory.chmod(layers[layer].file,
                                     directory.ACTIVE_MODE, always=True)
    except exception.SnapdriverError:
        mergeswitch.freeze(instance)
        raise


def _put_off(instance: instances.Instance, report: Report,
             merge: merges.Merge, why: str) -> None:
    LOG.warning('%(file)s of %(name)s (%(uuid)s) cannot be merged yet: '
                '%(why)s', {'file': _file(merge, merge.lower), 'why': why,
                            'name': instance.name, 'uuid': instance.uuid})
    report.pending[merge.lower] = why


def _is_ours(instance: instances.Instance, job: model.Job) -> bool:
    """Whether nobody has halted it."""
    return job.id in instance.state.jobs


def _file(merge: merges.Merge, layer: str) -> str:
    return f'{merge.disk}.layer-{layer}'
