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

r"""Snapshots of kind ``copy``: the disks of a domain that is off, copied.

::

    create s1    before:  base <- a (active)
                 after:   base <- a (active)
                              \- b
                                 s1
    revert s1    before:  base <- a (active)
                              \- b
                                 s1
                 after:   base <- a            with the safety snapshot's name
                              \- b <- c (active)
                                 s1

The chain below the active layer does not get longer, as it does with each
external snapshot. That costs the bytes of the active layer, or nothing where
the file system lets files share them (XFS, Btrfs).
"""

from collections.abc import Sequence
import dataclasses
import errno
import os
import time
from typing import Any

from snapdriver import directory
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import jobs
from snapdriver import model
from snapdriver import preflight
from snapdriver import state as state_file
from snapdriver import survey as surveys
from snapdriver import view
from snapdriver.backends import base
from snapdriver.backends import external_revert
from snapdriver.backends import internal_tags
from snapdriver.backends import overlays


@dataclasses.dataclass(frozen=True)
class _Todo:
    """What the plan hands to the act.

    :ivar picked: disk name to what is there.
    :ivar new: disk name to the layer that the copy will be.
    """

    request: model.CreateRequest
    survey: surveys.Survey
    picked: dict[str, surveys.Found]
    new: dict[str, model.Layer]


class CopyBackend(base.Backend):

    kind = 'copy'

    def plan_create(self, instance: instances.Instance,
                    request: model.CreateRequest) -> model.Plan:
        domain, power, names, refusals = preflight.look(instance)
        if power is not model.Power.SHUTOFF:
            refusals.append('it runs, and its files would change while they '
                            'are copied; shut it off, or make an external '
                            'snapshot')
        if refusals:
            return model.Plan(
                verb='create', domain=instance.name, kind=self.kind,
                snapshots=(request.name,), refusals=tuple(refusals))
        survey = surveys.survey(instance, domain, power)
        picked = survey.pick(request.disks, instance.name)
        todo = _Todo(request, survey, picked, {
            name: _copy_of(instance, name, found)
            for name, found in picked.items()})
        needed = sum(instance.directory.regular(_file(found)).st_blocks * 512
                     for found in picked.values())
        refusals += survey.problems
        if not picked and not survey.problems:
            refusals.append('it has no disk that can be snapshotted; "virsh '
                            f'domblklist {instance.name}" lists what it has')
        refusals += _of_tags(instance, picked)
        refusals += preflight.of_name(instance, request.name, names)
        refusals += preflight.of_limits(instance, picked, deeper=False)
        refusals += preflight.of_space(instance, needed)
        if not refusals:
            refusals += preflight.of_privileges(instance, picked)
        return model.Plan(
            verb='create', domain=instance.name, kind=self.kind,
            snapshots=(request.name,), refusals=tuple(refusals),
            new_files=tuple(layer.file for layer in todo.new.values()),
            bytes=needed, left_out=_left_out(todo), data=todo)

    def create(self, instance: instances.Instance,
               plan: model.Plan) -> model.Snapshot:
        todo: _Todo = plan.data
        snapshot = _draft(instance, todo)
        job = jobs.begin(instance, jobs.COPY, next(iter(todo.new)), {
            'pins': [found.layer.id for found in todo.picked.values()
                     if not found.new],
            'files': [layer.file for layer in todo.new.values()]})
        try:
            for found in todo.picked.values():
                instance.directory.take(_file(found))
            before = _moment(instance, todo)
            with instance.unlocked():
                for name, layer in todo.new.items():
                    _copy(instance.directory, _file(todo.picked[name]),
                          layer.file)
                instance.directory.sync()
            if _moment(instance, todo) != before:
                raise exception.Refused('create', instance.name, [
                    'it was started, or its snapshots were changed, while '
                    'its disks were copied; try again'])
        except exception.Busy:
            raise  # somebody else holds the lock: the job is for recover
        except BaseException:
            for layer in todo.new.values():
                instance.directory.unlink(layer.file)
            jobs.end(instance, job)
            raise
        return self._name(instance, todo, snapshot, job)

    def _name(self, instance: instances.Instance, todo: _Todo,
              snapshot: model.Snapshot, job: model.Job) -> model.Snapshot:
        """The copies are complete: they become layers, with a name."""
        state = instance.state
        instance.begin(
            'create', self.kind, 'planned', {
                'snapshot': state_file.to_plain(snapshot),
                'new': overlays.to_data(todo.new)},
            disks=dict(state.disks) | {
                name: found.disk for name, found in todo.picked.items()},
            layers=dict(state.layers) | {
                found.layer.id: found.layer
                for found in todo.picked.values()},
            jobs={key: other for key, other in state.jobs.items()
                  if key != job.id})
        instance.make_folder().replace_file(
            view.xml_file(snapshot.id), todo.survey.xml.encode())
        return self._finish(instance)

    def _finish(self, instance: instances.Instance) -> model.Snapshot:
        """What the operation's data say; can be repeated."""
        state, data = instance.state, instance.operation.data
        snapshot = state_file.to_snapshot(data['snapshot'])
        for name in snapshot.disks:
            layer = state.layers[state.disks[name].active]
            if instance.directory.stat(layer.file) is None:
                instance.directory.link(name, layer.file)
        instance.directory.sync()
        instance.passed('linked')
        instance.finish(
            'committed',
            snapshots=dict(state.snapshots) | {snapshot.id: snapshot},
            layers=dict(state.layers) | {
                layer.id: layer
                for layer in overlays.from_data(data['new']).values()})
        view.sync(instance)
        return snapshot

    def plan_revert(self, instance: instances.Instance,
                    request: model.RevertRequest) -> model.Plan:
        return external_revert.plan(instance, request)

    def revert(self, instance: instances.Instance,
               plan: model.Plan) -> model.Snapshot | None:
        return external_revert.revert(instance, plan)

    def discard(self, instance: instances.Instance,
                snapshots: Sequence[model.Snapshot]) -> None:
        """Nothing: a copy is a layer, which goes or is merged like any."""

    def recover(self, instance: instances.Instance) -> str:
        if instance.operation.verb == 'create':
            self._finish(instance)
            return 'finished'
        return external_revert.recover(instance)


def _file(found: surveys.Found) -> str:
    """The name that the active layer has for certain."""
    return found.disk.name if found.new else found.layer.file


def _copy_of(instance: instances.Instance, name: str,
             found: surveys.Found) -> model.Layer:
    """A new layer that stands on what the active one stands on."""
    return dataclasses.replace(
        overlays.planned(instance, name, found.layer.parent,
                         found.disk.size), fresh_bytes=None)


def _draft(instance: instances.Instance, todo: _Todo) -> model.Snapshot:
    now, request = time.time(), todo.request
    return model.Snapshot(
        id=request.id, name=request.name, kind=request.kind, state='shutoff',
        parent=instance.state.current, created_at=now, frozen_at=now,
        consistency=model.Consistency.OFFLINE, disks={
            name: model.Point(layer=todo.new[name].id, size=found.disk.size)
            for name, found in todo.picked.items()},
        left_out=_left_out(todo), description=request.description,
        properties=dict(request.properties))


def _left_out(todo: _Todo) -> dict[str, str]:
    return dict(todo.survey.left_out) | {
        found.disk.target: 'it was not asked for'
        for name, found in todo.survey.ours.items()
        if name not in todo.picked}


def _of_tags(instance: instances.Instance,
             picked: dict[str, surveys.Found]) -> list[str]:
    """A copy would have the tags too, and nobody would own them."""
    return [f'{_file(found)} holds internal snapshots; delete them, or make '
            'an external snapshot' for found in picked.values()
            if internal_tags.of_file(instance, _file(found))]


def _moment(instance: instances.Instance, todo: _Todo) -> Any:
    """All that must be the same before the copying and after it."""
    state = instance.state
    files = [instance.directory.regular(_file(found))
             for found in todo.picked.values()]
    return (instance.power(), state.disks, state.layers, state.snapshots,
            state.operation,
            [(f.st_ino, f.st_size, f.st_mtime_ns) for f in files])


def _copy(where: directory.Directory, old: str, new: str) -> None:
    """A frozen copy, on disk; holes stay holes."""
    with where.opened(old) as source:
        target = where.create(new, directory.FROZEN_MODE)
        try:
            size = os.fstat(source).st_size
            os.ftruncate(target, size)
            at = 0
            while at < size:
                try:
                    at = os.lseek(source, at, os.SEEK_DATA)
                except OSError as error:
                    if error.errno != errno.ENXIO:
                        raise
                    break  # a hole until the end
                hole = os.lseek(source, at, os.SEEK_HOLE)
                while at < hole:
                    at += os.copy_file_range(source, target, hole - at,
                                             at, at)
            os.fsync(target)
        finally:
            os.close(target)
