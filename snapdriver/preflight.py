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

"""What forbids a verb whatever the kind of snapshot (invariant I8)."""

from collections.abc import Collection
from collections.abc import Iterable
import os
from typing import NamedTuple

from snapdriver import chain
from snapdriver import directory
from snapdriver import domain as domains
from snapdriver import domainxml
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import model
from snapdriver import privsep
from snapdriver import survey as surveys


class Look(NamedTuple):
    """What a plan asks libvirt first.

    :ivar names: of all snapshots that libvirt lists.
    :ivar refusals: what may forbid even to look at the domain's files.
    """

    domain: domains.Domain
    power: model.Power
    names: set[str]
    refusals: list[str]


def look(instance: instances.Instance, suspended: bool = False) -> Look:
    """:param suspended: whether a domain with a managed save image will do.
    :raises DomainNotFound: libvirt has no such domain.
    """
    domain = instance.domain
    if domain is None:
        raise exception.DomainNotFound(domain=instance.name,
                                       searched='libvirt')
    power, asleep = domain.last_power_and_sleep()
    names = domain.snapshot_names()
    return Look(domain, power, names, of_domain(
        domain, power, asleep, suspended)
                or of_strangers(instance, names))


def of_domain(domain: domains.Domain, power: model.Power,
              asleep: bool, suspended: bool = False) -> list[str]:
    """What the domain is doing that must end first.

    :param asleep: its guest is suspended to RAM.
    :param suspended: as :func:`look`.
    """
    found = []
    if domain.has_checkpoints():  # libvirt 9.0 would let it happen
        found.append('it has libvirt checkpoints, which external snapshots '
                     'break; delete them by "virsh checkpoint-delete"')
    if power is model.Power.SHUTOFF:
        if not suspended and domain.has_managed_save():
            found.append(
                'it is suspended to a managed save image, which needs its '
                'files as they are; start it, or drop the image '
                'by "virsh managedsave-remove"')
        return found
    if asleep:
        found.append('its guest sleeps (suspended to RAM); wake it by "virsh '
                     'dompmwakeup"')
    if domain.is_migrating_or_saving():
        found.append('it is being migrated, saved or dumped; wait for that '
                     '("virsh domjobinfo")')
    return found


def of_block_jobs(domain: domains.Domain, survey: surveys.Survey,
                  but: Collection[str] = ()) -> list[str]:
    """Block jobs on our disks, if the domain runs.

    :param but: names of disks not to look at.
    """
    return of_block_jobs_on(domain, [
        found.disk.target for name, found in survey.ours.items()
        if name not in but])


def of_block_jobs_on(domain: domains.Domain,
                     targets: Iterable[str]) -> list[str]:
    return [f'a block job runs on disk {target}; wait for it, or end it by '
            f'"virsh blockjob {domain.name} {target} --abort"'
            for target in domain.block_jobs(targets)]


def of_strangers(instance: instances.Instance,
                 names: set[str]) -> list[str]:
    """External snapshots that others made: our disks stand on their files.

    :param names: of all snapshots that libvirt lists.
    """
    domain = instance.domain
    ours = {s.name for s in instance.state.snapshots.values()}
    if domain is None or not names - ours:
        return []
    theirs = [s.name for s in map(domainxml.parse_snapshot,
                                  domain.snapshot_xmls())
              if s.name not in ours and any(
                  os.path.dirname(path) == instance.directory.path
                  for path in s.overlays.values())]
    return [f'it has external snapshots that snapdriver did not make '
            f'({", ".join(theirs)}); take them over by "snapdriver domain '
            'adopt", or delete them by virsh'] if theirs else []


def of_name(instance: instances.Instance, name: str,
            names: set[str]) -> list[str]:
    """:param names: of all snapshots that libvirt lists."""
    if instance.state.snapshot_named(name) is not None:
        return [f'it has a snapshot "{name}" already; choose another name']
    if name in names:
        return [f'libvirt has a snapshot "{name}" that snapdriver did not '
                'make; choose another name, or take it over by "snapdriver '
                'domain adopt"']
    return []


def of_limits(instance: instances.Instance,
              picked: dict[str, surveys.Found],
              deeper: bool = True) -> list[str]:
    """The limits that one more snapshot of those disks would exceed.

    :param deeper: whether it puts a layer on each.
    """
    state, options = instance.state, instance.options
    found = []
    made = sum(not s.safety for s in state.snapshots.values())
    most = options.max_snapshots_per_instance
    if most and made >= most:
        found.append(f'it has {made} snapshots, the most allowed is {most}; '
                     'delete one, or raise max_snapshots_per_instance')
    for disk in picked.values() if deeper else ():
        depth = 1 if disk.new else chain.depth(state.layers, disk.layer.id)
        found += of_depth(instance, disk.disk.target, depth + 1)
    allowed = options.max_snapshot_bytes_per_instance * sum(
        disk.disk.size for disk in picked.values())
    held = (sum(map(instance.held_bytes, chain.frozen(state)))
            + sum(_occupied(instance.directory, disk)
                  for disk in picked.values())) if allowed else 0
    if held > allowed:
        found.append(
            f'its frozen layers would occupy {held} bytes, the most allowed '
            f'is {int(allowed)}; delete a snapshot, or raise '
            'max_snapshot_bytes_per_instance')
    return found


def of_depth(instance: instances.Instance, target: str,
             depth: int) -> list[str]:
    most = instance.options.max_chain_depth
    if depth <= most:
        return []
    return [f'disk {target} would consist of {depth} layers, the most '
            f'allowed is {most}; delete snapshots, or raise max_chain_depth']


def of_space(instance: instances.Instance, needed: int = 0) -> list[str]:
    """:param needed: bytes that it can take at most."""
    free, total = instance.directory.free()
    least = instance.options.min_free_percent
    if needed and free - needed < total * least / 100:
        return [f'it can take {needed} bytes, and {free} are free in '
                f'{instance.directory.path}, of which {least} % of the file '
                'system shall stay so; free some space, or lower '
                'min_free_percent']
    if free * 100 >= total * least:
        return []
    return [f'only {free * 100 // total} % of the file system of '
            f'{instance.directory.path} is free, the least allowed is '
            f'{least} %; free some space, or lower min_free_percent']


def of_privileges(instance: instances.Instance,
                  picked: dict[str, surveys.Found]) -> list[str]:
    """Whether files that belong to QEMU's user can be linked and frozen."""
    me = os.geteuid()
    for disk in picked.values():
        name = disk.disk.name if disk.new else disk.layer.file
        found = instance.directory.stat(name)
        if found is not None and me not in (0, found.st_uid):
            try:
                privsep.ready()
            except exception.PrivilegeMissing as error:
                return [str(error)]
    return []


def _occupied(where: directory.Directory, disk: surveys.Found) -> int:
    found = where.stat(disk.disk.name if disk.new else disk.layer.file)
    return 0 if found is None else found.st_blocks * 512
