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

"""The verbs: what they take, and what they do."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
import os
from typing import Any
from typing import TypeVar

from oslo_config import cfg
from oslo_log import log as logging

from snapdriver import access
from snapdriver import adoption
from snapdriver import checks
from snapdriver import conf as options
from snapdriver import deletion
from snapdriver import description
from snapdriver import domain as domains
from snapdriver import exception
from snapdriver import exporting
from snapdriver import instance as instances
from snapdriver import locks
from snapdriver import merging
from snapdriver import model
from snapdriver import naming
from snapdriver import reunion
from snapdriver import settle
from snapdriver import view
from snapdriver.backends import base

LOG = logging.getLogger(__name__)
_T = TypeVar('_T')


class SnapshotManager:
    """Snapshots of libvirt domains whose disks are qcow2 files.

    A domain is given as a ``libvirt.virDomain``, or as its name, UUID or id.
    Every verb takes the instance's lock, first finishes or undoes what was
    interrupted, and settles the names of a domain that is off. Every error
    is a :class:`snapdriver.exception.SnapdriverError`.

    :param connection: an open libvirt connection, or None: then only
        :meth:`list`, :meth:`list_all` and :meth:`show` work.
    :param conf: where the options of group ``[snapdriver]`` are read.
    :param instances_path: instead of the option of that name.
    """

    def __init__(self, connection: Any, conf: cfg.ConfigOpts = cfg.CONF,
                 instances_path: str | None = None) -> None:
        domains.silence()
        self._options = options.options(conf)
        self._access = access.Access(
            connection, conf,
            os.path.abspath(instances_path or self._options.instances_path),
            self._options.lock_timeout)

    # Create ----------------------------------------------------------------

    def plan_create(self, domain: Any, name: str | None = None,
                    **wanted: Any) -> model.Plan:
        """What :meth:`create` would do; it takes the same arguments."""
        with self._access.looking(domain) as instance:
            request = self._request(instance, name, **wanted)
            return self._backend(request.kind).plan_create(instance, request)

    def create(self, domain: Any, name: str | None = None, *,
               kind: str | None = None, disks: Sequence[str] = (),
               description: str = '',
               properties: Mapping[str, str] | None = None,
               quiesce: str = model.Quiesce.NEVER,
               snapshot_id: str | None = None) -> model.SnapshotInfo:
        """Make a snapshot.

        :param name: by default the time in seconds.
        :param kind: by default option ``default_kind``.
        :param disks: targets or file names; all disks of ours if empty.
        :param quiesce: a :class:`snapdriver.model.Quiesce`.
        :param snapshot_id: a UUID; by default a new one.
        :raises Refused: with every reason; nothing was changed.
        """
        with self._access.working(domain) as instance:
            request = self._request(
                instance, name, kind=kind, disks=disks,
                description=description, properties=properties,
                quiesce=quiesce, snapshot_id=snapshot_id)
            backend = self._backend(request.kind)
            plan = backend.plan_create(instance, request)
            _require(plan)
            self._access.attempt(
                instance, lambda: backend.create(instance, plan),
                lambda: instance.state.snapshots.get(request.id))
            LOG.info('Created snapshot %(name)s of %(domain)s (%(uuid)s)',
                     {'name': request.name, 'domain': instance.name,
                      'uuid': instance.uuid})
            return self._info(instance, request.id)

    def _request(self, instance: instances.Instance, name: str | None, *,
                 kind: str | None = None, disks: Sequence[str] = (),
                 description: str = '',
                 properties: Mapping[str, str] | None = None,
                 quiesce: str = model.Quiesce.NEVER,
                 snapshot_id: str | None = None) -> model.CreateRequest:
        naming.check_text('description', description, 4096)
        for key, value in (properties or {}).items():
            naming.check_property(key, value)
        return model.CreateRequest(
            name=naming.free_name(
                naming.default_snapshot_name(),
                {s.name for s in instance.state.snapshots.values()})
            if name is None else naming.check_snapshot_name(name),
            id=_free_id(instance, snapshot_id),
            kind=kind or self._options.default_kind, disks=tuple(disks),
            description=description, properties=dict(properties or {}),
            quiesce=model.Quiesce(quiesce))

    # Look ------------------------------------------------------------------

    def list(self, domain: Any) -> Sequence[model.SnapshotInfo]:
        """The domain's snapshots, parents first. Needs no libvirt."""
        with self._access.found(domain) as instance:
            return description.describe_all(instance)

    def list_all(self) -> Iterator[
            tuple[str, str, Sequence[model.SnapshotInfo]]]:
        """(domain's name, UUID, its snapshots) of each that has any."""
        for instance in self._access.finder.all():
            with instance:
                if instance.state.snapshots:
                    yield (instance.name, instance.uuid,
                           description.describe_all(instance))

    def show(self, domain: Any, name: str) -> model.SnapshotInfo:
        """One snapshot, by its name or id. Needs no libvirt.

        :raises SnapshotNotFound: there is none of that name.
        """
        with self._access.found(domain) as instance:
            return description.describe(instance, _named(instance, name))

    # Revert ----------------------------------------------------------------

    def plan_revert(self, domain: Any, name: str,
                    **wanted: Any) -> model.Plan:
        """What :meth:`revert` would do; it takes the same arguments."""
        with self._access.looking(domain) as instance:
            snapshot = _named(instance, name)
            return self._backend(snapshot.kind).plan_revert(
                instance, model.RevertRequest(snapshot=snapshot, **wanted))

    def revert(self, domain: Any, name: str, *,
               power: model.Power | None = None, safety: bool = True,
               safety_id: str | None = None,
               safety_description: str | None = None,
               safety_properties: Mapping[str, str] | None = None,
               memory: bool = True) -> model.SnapshotInfo | None:
        """Put a domain back to a snapshot, whichever it is.

        :param power: how to leave the domain; None for as it is now, or, if
            its memory is resumed, as it was then.
        :param safety: name what is active now first, unless nothing was
            written since the last snapshot.
        :param safety_id: a UUID for that snapshot, and its name; by default
            it is called after the time.
        :param memory: resume the guest's memory where the snapshot has it.
        :returns: the safety snapshot, if one was made.
        :raises Refused: with every reason; nothing was changed.
        """
        with self._access.working(domain) as instance:
            snapshot = _named(instance, name)
            backend = self._backend(snapshot.kind)
            plan = backend.plan_revert(instance, model.RevertRequest(
                snapshot=snapshot, power=power, safety=safety,
                memory=memory, safety_as=None if safety_id is None
                else self._request(
                    instance, safety_id, kind=snapshot.kind,
                    description=safety_description or '',
                    properties=safety_properties, snapshot_id=safety_id)))
            _require(plan)
            made = self._access.attempt(
                instance, lambda: backend.revert(instance, plan))
            LOG.info('Reverted %(domain)s (%(uuid)s) to snapshot %(name)s',
                     {'name': snapshot.name, 'domain': instance.name,
                      'uuid': instance.uuid})
            return None if made is None else self._info(instance, made.id)

    # Delete ----------------------------------------------------------------

    def plan_delete(self, domain: Any, names: Sequence[str],
                    **wanted: Any) -> model.Plan:
        """What :meth:`delete` would do; it takes the same arguments."""
        with self._access.looking(domain) as instance:
            return deletion.plan(instance, names, **wanted)

    def delete(self, domain: Any, names: Sequence[str], *,
               children: bool = False,
               everything: bool = False) -> model.Plan:
        """Delete snapshots: the names at once, the data as soon as may be.

        :param children: those that were made on them too.
        :param everything: all of the domain's.
        :returns: what was done.
        :raises SnapshotNotFound: one of the names; nothing was changed.
        """
        with self._access.working(domain) as instance:
            plan = deletion.plan(instance, names, children, everything)
            if plan.snapshots:
                deletion.delete(instance, plan, self._access.backends)
                LOG.info('Deleted snapshots %(names)s of %(domain)s '
                         '(%(uuid)s)',
                         {'names': ', '.join(plan.snapshots),
                          'domain': instance.name, 'uuid': instance.uuid})
            return plan

    def merge(self, domain: Any, *, bandwidth: int = 0,
              progress: Callable[[float], object] = lambda percent: None
              ) -> model.Merged:
        """Merge the layers that deleted snapshots have left behind.

        It takes as long as the bytes need to be copied, live if the domain
        runs, and gives way to every other verb: then it goes on after it.

        :param bandwidth: MiB per second; 0 for as fast as it goes.
        :param progress: called with the percentage of the present merge.
        """
        report = merging.Report([], {})
        with self._access.locked(domain) as instance:
            if merging.is_elsewhere(instance):
                raise exception.Refused('merge', instance.name, [
                    'another process is merging its layers already'])
            self._access.recover(instance)
            settle.settle(instance)
            while self._access.attempt(instance, lambda: merging.work(
                    instance, report, bandwidth, progress)):
                self._access.recover(instance)
                settle.settle(instance)  # it may have been stopped
            return merging.result(instance.state, report)

    # Export ----------------------------------------------------------------

    def export(self, domain: Any, name: str, file: str, *,
               disk: str | None = None, format: str = 'qcow2',
               compress: bool = False, bandwidth: int = 0,
               progress: Callable[[float], object] = lambda percent: None
               ) -> model.Exported:
        """Copy what a snapshot holds of a disk to a file of its own.

        The copy stands on no other file, and holes stay holes. A domain
        that runs goes on, and other verbs are not kept waiting.

        :param file: path of the new file, which will be the caller's, with
            mode 0600. It gets its name when it is complete, and on disk.
        :param disk: its target or file name; needed if the snapshot has
            several.
        :param format: ``qcow2`` or ``raw``.
        :param compress: only for qcow2.
        :param bandwidth: MiB per second; 0 for as fast as it goes.
        :param progress: called with the percentage that is done.
        :raises Refused: there is such a file, or no room for it.
        """
        with self._access.locked(domain) as instance:
            self._access.recover(instance)
            exported = exporting.export(
                instance, exporting.Request(
                    _named(instance, name), file, disk, format, compress,
                    bandwidth), progress, self._access.backends)
            LOG.info('Exported %(disk)s of snapshot %(name)s of %(domain)s '
                     '(%(uuid)s) to %(file)s',
                     {'disk': exported.disk, 'name': exported.snapshot,
                      'domain': instance.name, 'uuid': instance.uuid,
                      'file': exported.file})
            return exported

    # Care ------------------------------------------------------------------

    def check(self, domain: Any,
              deep: bool = False) -> Sequence[model.Finding]:
        """Compare state, files, libvirt and QEMU; changes nothing.

        :param deep: let qemu-img check every image that nobody writes.
        """
        try:
            with self._access.found(domain) as instance:
                return checks.check(instance, deep)
        except exception.StateError as error:
            return [model.Finding(model.Severity.ERROR, 'state-unusable',
                                  error.path, str(error))]

    def recover(self, domain: Any) -> Sequence[str]:
        """Finish or undo what was interrupted; repair what can be repaired.

        :returns: one sentence for each thing that was done.
        """
        with self._access.locked(domain) as instance:
            done = [*self._access.recover(instance),
                    *reunion.reunite(instance)]
            settle.settle(instance)
            view.sync(instance)
            return done

    def settle(self, domain: Any) -> bool:
        """Make Nova's names the active layers of a domain that is off.

        Describes the snapshots to libvirt, too, if it has lost them.

        :returns: whether the names are settled now; they are not while the
            domain runs on other ones, or is suspended to disk.
        """
        with self._access.locked(domain) as instance:
            self._access.recover(instance)
            settled = settle.settle(instance)
            view.sync(instance)
            return settled

    def adopt(self, domain: Any,
              name: str | None = None) -> Sequence[model.SnapshotInfo]:
        """Take over snapshots that were made by others, of either kind.

        :param name: only that one of libvirt's; by default all.
        """
        with self._access.working(domain) as instance:
            adopted = self._access.attempt(
                instance, lambda: adoption.adopt(instance, name))
            return [self._info(instance, snapshot.id)
                    for snapshot in adopted]

    def drop_view(self, domain: Any) -> None:
        """Make libvirt forget our snapshots, so that undefine works (I5)."""
        with self._access.locked(domain) as instance:
            view.drop(instance, [s.name for s
                                 in instance.state.snapshots.values()])

    def restore_view(self, domain: Any) -> None:
        """Describe our snapshots to libvirt again, after a define (I5)."""
        with self._access.locked(domain) as instance:
            view.sync(instance)

    # What Nova needs -------------------------------------------------------

    def state(self, domain: Any) -> model.State:
        """All that is known of a domain's disks. Needs no libvirt."""
        with self._access.found(domain) as instance:
            return instance.state

    @contextlib.contextmanager
    def alone(self, domain: Any) -> Iterator[None]:
        """Within, no other verb is at work: for a short step of one's own.

        :raises Busy: another verb has kept the lock.
        """
        with self._access.locked(domain):
            yield

    @contextlib.contextmanager
    def without_merges(self, domain: Any) -> Iterator[None]:
        """Within, which may last, no layers are merged; what is, is halted."""
        with contextlib.ExitStack() as held:
            with self._access.locked(domain) as instance:
                held.enter_context(
                    locks.holding_merges(instance.make_folder()))
                self._access.recover(instance)
            yield

    def remember_image(self, domain: Any, image: Mapping[str, Any]) -> None:
        """Keep what Nova knows of the instance's own image (own_image).

        nova-api overwrites it before it asks for a rebuild.

        :param image: JSON types; opaque here.
        """
        with self._access.locked(domain) as instance:
            if instance.state.own_image != image:
                instance.save(dataclasses.replace(
                    instance.state, own_image=dict(image)))

    # How -------------------------------------------------------------------

    @property
    def kinds(self) -> Sequence[str]:
        """The kinds of snapshot that backends are installed for."""
        return sorted(self._access.backends())

    def _backend(self, kind: str) -> base.Backend:
        try:
            return self._access.backends()[kind]
        except KeyError:
            raise exception.BackendNotFound(
                kind=kind[:80], kinds=', '.join(self.kinds)) from None

    def _info(self, instance: instances.Instance,
              identity: str) -> model.SnapshotInfo:
        return description.describe(
            instance, instance.state.snapshots[identity])


def _require(plan: model.Plan) -> None:
    if plan.refusals:
        raise exception.Refused(plan.verb, plan.domain, plan.refusals)


def _named(instance: instances.Instance, name: str) -> model.Snapshot:
    snapshot = instance.state.snapshot_named(name)
    if snapshot is None:
        raise exception.SnapshotNotFound(domain=instance.name,
                                         name=name[:80])
    return snapshot


def _free_id(instance: instances.Instance, wanted: str | None) -> str:
    if wanted is None:
        return naming.new_snapshot_id()
    if naming.check_snapshot_id(wanted) in instance.state.snapshots:
        raise exception.Refused('create', instance.name, [
            f'it has a snapshot with the id {wanted} already'])
    return wanted
