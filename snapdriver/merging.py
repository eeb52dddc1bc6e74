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
from typing import Any

from oslo_log import log as logging

from snapdriver import chain
from snapdriver import cleanup
from snapdriver import directory
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import jobs
from snapdriver import journal
from snapdriver import livemerge
from snapdriver import locks
from snapdriver import merges
from snapdriver import model
from snapdriver import offlinemerge
from snapdriver import preflight
from snapdriver import qemuimg
from snapdriver import settle
from snapdriver import survey as surveys
from snapdriver import view

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
    merge, ran = found[0], _runs(instance)
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
    if ran == _runs(instance):  # else it goes on in the other way
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
        merge = _merge(job.data['merge'])
        if job.data['live']:
            livemerge.halt(instance, merge)
        else:
            offlinemerge.halt(job, instance.directory.uid)
        if _is_switched(instance, merge, job.data['live']):
            _begin(instance, merge, 'copied')
            finish(instance)
        else:
            _freeze(instance)
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
        _begin(instance, merge, 'pivoting')
        livemerge.pivot(instance, merge)
    elif stamp is None or not down:
        if not _is_switched(instance, merge, stamp is None):
            return False
        _begin(instance, merge, 'copied')
    elif (_is_open(instance, merge) or not offlinemerge.is_unchanged(
            instance, merge, stamp)):
        return False
    else:
        _begin(instance, merge, 'copied', stamp)
    finish(instance)
    return True


def _begin(instance: instances.Instance, merge: merges.Merge, phase: str,
           stamp: offlinemerge.Stamp | None = None) -> None:
    """Turn the job into an operation, which is finished at once."""
    instance.begin(
        'merge', '', phase, {
            'merge': dataclasses.asdict(merge), 'stamp': stamp,
            'unlink': [instance.state.layers[merge.gone].file]},
        jobs={key: job for key, job in instance.state.jobs.items()
              if job.type != jobs.MERGE})


def recover(instance: instances.Instance) -> str:
    """Finish a merge whose switch was interrupted, or undo it.

    :returns: ``finished`` or ``undone``.
    """
    operation = instance.operation
    merge = _merge(operation.data['merge'])
    if operation.phase == 'pivoting':
        livemerge.halt(instance, merge)
        keep = livemerge.has_pivoted(instance, merge)
    elif operation.phase == 'copied' and operation.data['stamp']:
        keep = _is_good(instance, merge)
    else:
        keep = True
    if not keep:
        _undo(instance, merge)
        return 'undone'
    finish(instance)
    return 'finished'


def finish(instance: instances.Instance) -> None:
    """Let everything stand on what is kept; can be repeated.

    :raises Refused: somebody has started the domain on what goes.
    """
    operation = instance.operation
    merge = _merge(operation.data['merge'])
    if operation.phase != 'committed':
        _switch(instance, merge)
        instance.passed('switched')
        after = merges.done(instance.state, merge)
        instance.advance('committed', layers=after.layers,
                         disks=after.disks, snapshots=after.snapshots)
    cleanup.unlink(instance, instance.operation.data['unlink'])
    instance.passed('unlinked')
    _freeze(instance)
    view.sync(instance)
    instance.finish(None)


def _is_good(instance: instances.Instance, merge: merges.Merge) -> bool:
    """Whether what qemu-img has copied down is still what is above.

    The domain may have been started since, by somebody who does not know
    of us, before its names or headers were switched.
    """
    state = instance.state
    if merge.upper not in merges.active(state):
        return not _is_open(instance, merge) or any(
            offlinemerge.stands_on(instance, state.layers[child],
                                   state.layers[merge.lower])
            for child in chain.children(state.layers, merge.upper)
            if child in _active_chain(state, merge))
    if _runs(instance):
        return livemerge.has_pivoted(instance, merge)
    return offlinemerge.is_unchanged(
        instance, merge, instance.operation.data['stamp'])


def _undo(instance: instances.Instance, merge: merges.Merge) -> None:
    state = instance.state
    upper = state.layers[merge.upper]
    if merge.upper in merges.active(state):
        if instance.operation.phase == 'copied':
            settle.switch(instance, {merge.disk: upper})
    else:
        for child in chain.children(state.layers, merge.upper):
            offlinemerge.point_at(instance, state.layers[child], upper)
    _freeze(instance)
    instance.finish(None)


def _switch(instance: instances.Instance, merge: merges.Merge) -> None:
    if merge.direction is merges.Direction.UP:
        return  # its header was written last, by QEMU or by qemu-img
    state = instance.state
    lower = state.layers[merge.lower]
    for child in chain.children(state.layers, merge.upper):
        offlinemerge.point_at(instance, state.layers[child], lower)
    if merge.upper not in merges.active(state):
        return
    instance.directory.chmod(lower.file, directory.ACTIVE_MODE)
    if not _runs(instance):
        settle.switch(instance, {merge.disk: lower})
    if _runs(instance) and not livemerge.has_pivoted(instance, merge):
        raise exception.Refused('merge', instance.name, [
            'somebody started it meanwhile; it is merged again, live'])


def _is_switched(instance: instances.Instance, merge: merges.Merge,
                 live: bool) -> bool:
    """Whether the headers say that the layers are merged."""
    layers = instance.state.layers
    if merge.direction is merges.Direction.UP:
        lower = layers[merge.lower]
        return offlinemerge.stands_on(
            instance, layers[merge.upper],
            None if lower.parent is None else layers[lower.parent])
    return live and any(
        offlinemerge.stands_on(instance, layers[child], layers[merge.lower])
        for child in chain.children(layers, merge.upper))


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
    if merge.upper not in _active_chain(state, merge) and not refusals:
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
        _freeze(instance)
        raise


def _freeze(instance: instances.Instance) -> None:
    """Protect every frozen layer again; what cannot be changed is."""
    state = instance.state
    for layer in chain.frozen(state):
        file = state.layers[layer].file
        if instance.directory.stat(file) is None:
            continue
        try:
            instance.directory.chmod(file, directory.FROZEN_MODE)
        except exception.PrivilegeMissing as error:
            LOG.warning('%(error)s', {'error': error})


def _put_off(instance: instances.Instance, report: Report,
             merge: merges.Merge, why: str) -> None:
    LOG.warning('%(file)s of %(name)s (%(uuid)s) cannot be merged yet: '
                '%(why)s', {'file': _file(merge, merge.lower), 'why': why,
                            'name': instance.name, 'uuid': instance.uuid})
    report.pending[merge.lower] = why


def _is_ours(instance: instances.Instance, job: model.Job) -> bool:
    """Whether nobody has halted it."""
    return job.id in instance.state.jobs


def _active_chain(state: model.State, merge: merges.Merge) -> list[str]:
    return chain.to_base(state.layers, state.disks[merge.disk].active)


def _is_open(instance: instances.Instance, merge: merges.Merge) -> bool:
    """Whether a running QEMU has the layers open."""
    return _runs(instance) and merge.upper in _active_chain(
        instance.state, merge)


def _runs(instance: instances.Instance) -> bool:
    return instance.power() is not model.Power.SHUTOFF


def _file(merge: merges.Merge, layer: str) -> str:
    return f'{merge.disk}.layer-{layer}'


def _merge(data: Any) -> merges.Merge:
    return merges.Merge(**dict(data) | {
        'direction': merges.Direction(data['direction'])})
