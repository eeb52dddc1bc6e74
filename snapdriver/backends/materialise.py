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


"""A tag in a frozen layer becomes a layer of its own, and is active then.

::

    before    base <- a <- b (active)      tag s1 in a
    copied    base <- a <- b (active)      the guest runs on, nothing is
                  \\- c                     locked; c holds what a itself
                                           held at s1, and no more
    after     base <- a <- b               as in a revert to an external
                  \\- c (active)            snapshot; b is kept as safety

The memory stays behind: QEMU loads it from the active layer only.
"""

from collections.abc import Mapping
import dataclasses
import errno
import os
from typing import NamedTuple

from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import jobs
from snapdriver import model
from snapdriver import naming
from snapdriver import preflight
from snapdriver.backends import external_revert
from snapdriver.backends import internal_tags
from snapdriver.backends import overlays

_TRIES = 3


class Todo(NamedTuple):
    """:ivar new: disk name to the layer that its tag becomes."""

    request: model.RevertRequest
    new: Mapping[str, model.Layer]


def plan(instance: instances.Instance,
         request: model.RevertRequest) -> model.Plan:
    """See :meth:`snapdriver.backends.base.Backend.plan_revert`."""
    state, points = instance.state, request.snapshot.disks
    new = {name: dataclasses.replace(overlays.planned(
        instance, name, state.layers[point.layer].parent, point.size),
        fresh_bytes=None) for name, point in points.items()}
    found = external_revert.plan(instance, request, new)
    refusals = list(found.refusals)
    needed = sum(instance.held_bytes(p.layer) for p in points.values())
    if not refusals:
        refusals += _of_tags(instance, request.snapshot)
        refusals += preflight.of_space(instance, needed)
    notes = [*found.notes,
             'another layer stands on the one that holds it, so what it '
             'holds is copied first, while the guest runs on']
    if request.memory and (request.snapshot.consistency
                           is model.Consistency.MEMORY):
        notes.append('its memory is not resumed: the guest boots')
    return dataclasses.replace(
        found, refusals=tuple(refusals), notes=tuple(notes), bytes=needed,
        data=Todo(request, new))


def _of_tags(instance: instances.Instance,
             target: model.Snapshot) -> list[str]:
    found = []
    for point in target.disks.values():
        file = instance.state.layers[point.layer].file
        tags = internal_tags.of_layer(instance, point.layer)
        if tags.count(point.tag or '') != 1:
            found.append(
                f'{file} has {tags.count(point.tag or "")} tags {point.tag} '
                'and should have one; see "snapdriver domain check"')
    return found


def revert(instance: instances.Instance, todo: Todo) -> model.Snapshot | None:
    """See :meth:`snapdriver.backends.base.Backend.revert`."""
    request = todo.request
    points = request.snapshot.disks
    job = jobs.begin(instance, jobs.COPY, next(iter(points)), {
        'pins': [point.layer for point in points.values()],
        'files': [layer.file for layer in todo.new.values()]})
    error: Exception | None = None
    copies = [(instance.state.layers[points[name].layer], points[name], layer)
              for name, layer in todo.new.items()]
    with instance.unlocked():
        try:
            for source, point, layer in copies:
                _copy(instance, source, point, layer)
        except Exception as caught:
            error = caught
    if error is None:
        try:
            return _switch(instance, request, todo, job)
        except exception.Refused as refused:
            error = refused
    if instance.state.operation is None:
        clean(instance, job)
    raise error


def _switch(instance: instances.Instance, request: model.RevertRequest,
            todo: Todo, job: model.Job) -> model.Snapshot | None:
    """The copies become the active layers; the world may have changed.

    :raises Refused: it has; nothing was begun.
    """
    state = instance.state
    target = state.snapshots.get(request.snapshot.id)
    if (target is None or target.disks != request.snapshot.disks
            or state.operation is not None or job.id not in state.jobs):
        raise exception.Refused('revert', instance.name, [
            'its snapshots were changed while the tag was copied; try again'])
    plan = external_revert.plan(instance, request, todo.new)
    if plan.refusals:
        raise exception.Refused('revert', instance.name, plan.refusals)
    return external_revert.revert(instance, plan, jobs={
        key: other for key, other in state.jobs.items() if key != job.id})


def clean_dead(instance: instances.Instance) -> list[str]:
    """Clean up after the copies of processes that are dead.

    :returns: one sentence for each.
    """
    dead = [job for job in jobs.of_type(instance.state, jobs.COPY)
            if not jobs.is_alive(job)]
    for job in dead:
        clean(instance, job)
    return [f'the interrupted copy of a tag of {job.disk} was removed'
            for job in dead]


def clean(instance: instances.Instance, job: model.Job) -> None:
    """Remove what a copy that was given up has left, and its record.

    :raises InvalidName: a file that can be none of ours (invariant I3).
    """
    recorded = {layer.file for layer in instance.state.layers.values()}
    for file in job.data.get('files', ()):
        if naming.parse_layer_file(file) is None:
            raise naming.not_ours(file)
        if file not in recorded:
            instance.directory.unlink(file)
    jobs.end(instance, job)


def _copy(instance: instances.Instance, source: model.Layer,
          point: model.Point, layer: model.Layer) -> None:
    """Without the lock: the job's pin keeps what is read as it is."""
    disk = instance.state.disks[layer.disk]
    files = instance.chain_files(source.id)
    backing, kind = (
        (disk.base, disk.base_format) if layer.parent is None
        else (instance.state.layers[layer.parent].file, 'qcow2'))
    os.close(instance.directory.create(layer.file))
    for left in reversed(range(_TRIES)):
        # Also again: a start of the domain has given them to QEMU.
        instance.images.share(files)
        try:
            instance.images.copy_tag(files, point.tag or '', disk.size,
                                     backing, kind, layer.file)
            break
        except exception.ImageCommandFailed as error:
            if not left or os.strerror(errno.EACCES) not in error.stderr:
                raise
        finally:
            instance.images.unshare(files)
    instance.directory.sync()
