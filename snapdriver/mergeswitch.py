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

"""What follows the copy of a merge: everything switches to what is kept.

That is an operation, which is finished at once, or by ``recover``. Its phases
are those of :mod:`snapdriver.merging`, from "copied" or "pivoting" on.
"""

import dataclasses

from oslo_log import log as logging

from snapdriver import chain
from snapdriver import cleanup
from snapdriver import directory
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import jobs
from snapdriver import livemerge
from snapdriver import merges
from snapdriver import offlinemerge
from snapdriver import settle
from snapdriver import view

LOG = logging.getLogger(__name__)


def begin(instance: instances.Instance, merge: merges.Merge, phase: str,
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
    merge = merges.Merge.read(operation.data['merge'])
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
    merge = merges.Merge.read(operation.data['merge'])
    if operation.phase != 'committed':
        _switch(instance, merge)
        instance.passed('switched')
        after = merges.done(instance.state, merge)
        instance.advance('committed', layers=after.layers,
                         disks=after.disks, snapshots=after.snapshots)
    cleanup.unlink(instance, instance.operation.data['unlink'])
    instance.passed('unlinked')
    freeze(instance)
    view.sync(instance)
    instance.finish(None)


def _is_good(instance: instances.Instance, merge: merges.Merge) -> bool:
    """Whether what qemu-img has copied down is still what is above.

    The domain may have been started since, by somebody who does not know
    of us, before its names or headers were switched.
    """
    state = instance.state
    if merge.upper not in merges.active(state):
        return not is_open(instance, merge) or any(
            offlinemerge.stands_on(instance, state.layers[child],
                                   state.layers[merge.lower])
            for child in chain.children(state.layers, merge.upper)
            if child in merges.active_chain(state, merge))
    if not instance.is_off():
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
    freeze(instance)
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
    if instance.is_off():
        settle.switch(instance, {merge.disk: lower})
    if not instance.is_off() and not livemerge.has_pivoted(instance, merge):
        raise exception.Refused('merge', instance.name, [
            'somebody started it meanwhile; it is merged again, live'])


def is_switched(instance: instances.Instance, merge: merges.Merge,
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


def freeze(instance: instances.Instance) -> None:
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


def is_open(instance: instances.Instance, merge: merges.Merge) -> bool:
    """Whether a running QEMU has the layers open."""
    return not instance.is_off() and merge.upper in merges.active_chain(
        instance.state, merge)
