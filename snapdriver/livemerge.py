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

"""Merging layers that QEMU has open, by libvirt's block jobs.

::

    down, middle    base <- a <- b <- c <- d    c into b; QEMU then writes b
                                                into the header of d
    down, active    base <- a <- b <- c         c into b; QEMU mirrors what
                                                the guest writes until it is
                                                told to pivot to b
    up, active      base <- a <- b <- c         b into c

Base and top are always given, by the paths of files that we own: libvirt's
defaults write the image in ``_base``.
"""

import os
import time

from snapdriver import domain as domains
from snapdriver import domainxml
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import merges
from snapdriver import model
from snapdriver import qemuimg

_POLL = 0.02
_ENDS_WITHIN = 60  # seconds, once it is aborted


def start(instance: instances.Instance, merge: merges.Merge,
          bandwidth: int) -> None:
    """Begin the block job.

    :param bandwidth: MiB per second; 0 for as fast as it goes.
    :raises LibvirtFailed: as when the target cannot be written (AppArmor).
    """
    domain, state = _domain(instance), instance.state
    target, paths = _chain(instance, domain, merge.disk)
    lower, upper = (_path(instance, state.layers[layer], paths)
                    for layer in (merge.lower, merge.upper))
    if merge.direction is merges.Direction.DOWN:
        domain.block_commit(target, lower, upper, bandwidth,
                            active=merge.upper in merges.active(state))
        return
    parent = state.layers[merge.lower].parent
    base = (state.disks[merge.disk].base if parent is None
            else _path(instance, state.layers[parent], paths))
    domain.block_pull(target, base, bandwidth, relative=parent is not None)


def watch(instance: instances.Instance, merge: merges.Merge,
          told: qemuimg.Watch) -> None:
    """Wait until the block job has ended, or waits to pivot."""
    domain = _domain(instance)
    target = instance.state.disks[merge.disk].target
    while True:
        found = domain.block_job(target)
        if found is None or (found.is_at_end
                             and domain.is_mirror_ready(target)):
            told.progress(100.0)
            return
        told.progress(found.percent)
        time.sleep(_POLL)


def is_ready(instance: instances.Instance, merge: merges.Merge) -> bool:
    """Whether the block job waits to pivot."""
    target = instance.state.disks[merge.disk].target
    domain = _domain(instance)
    return (not domain.is_off()
            and domain.block_job(target) is not None
            and domain.is_mirror_ready(target))


def pivot(instance: instances.Instance, merge: merges.Merge) -> None:
    """Let the guest write the lower layer.

    :raises LibvirtFailed: it does not.
    """
    domain = _domain(instance)
    domain.end_block_job(instance.state.disks[merge.disk].target, pivot=True)
    _wait(domain, instance.state.disks[merge.disk].target)
    if not has_pivoted(instance, merge):
        raise exception.LibvirtFailed(
            action='pivot a block job', domain=instance.name,
            reason='QEMU still writes the upper layer')


def has_pivoted(instance: instances.Instance, merge: merges.Merge) -> bool:
    """Whether the guest writes the lower layer, or would if it started."""
    domain, state = _domain(instance), instance.state
    lower = state.layers[merge.lower].file
    if not domain.is_off():
        written = domain.qemu_disks().get(state.disks[merge.disk].target)
        return written is not None and instance.directory.same(
            os.path.basename(written[0]), lower)
    return any(
        not disk.unfit(instance.directory.path)
        and instance.directory.same(os.path.basename(disk.source or ''),
                                    lower)
        for disk in domainxml.parse_disks(domain.defined_xml()))


def halt(instance: instances.Instance, merge: merges.Merge) -> None:
    """Abort the block job, if it still goes on, and wait for its end."""
    domain = instance.domain
    target = instance.state.disks[merge.disk].target
    if (domain is None or domain.is_off()
            or domain.block_job(target) is None):
        return
    try:
        domain.end_block_job(target, pivot=False)
    except exception.LibvirtFailed:
        if domain.block_job(target) is not None:  # else it was at its end
            raise
    _wait(domain, target)


def _wait(domain: domains.Domain, target: str) -> None:
    end = time.monotonic() + _ENDS_WITHIN
    while domain.block_job(target) is not None:
        if time.monotonic() > end:
            raise exception.LibvirtFailed(
                action='end a block job', domain=domain.name,
                reason='it has been ending for a minute; see "virsh '
                       f'blockjob {domain.name} {target}"')
        time.sleep(0.01)


def _domain(instance: instances.Instance) -> domains.Domain:
    if instance.domain is None:
        raise exception.DomainNotFound(domain=instance.name,
                                       searched='libvirt')
    return instance.domain


def _chain(instance: instances.Instance, domain: domains.Domain,
           name: str) -> tuple[str, list[str]]:
    """A disk's target, and the paths of its chain as libvirt knows them."""
    state = instance.state
    active = state.layers[state.disks[name].active].file
    for disk in domainxml.parse_disks(domain.live_xml()):
        if (not disk.unfit(instance.directory.path)
                and instance.directory.same(
                    os.path.basename(disk.source or ''), active)):
            return disk.target, [disk.source or '',
                                 *(path for path, _ in disk.backing)]
    raise exception.Refused('merge', instance.name, [
        f'the domain does not write {active}; run "snapdriver domain check"'])


def _path(instance: instances.Instance, layer: model.Layer,
          paths: list[str]) -> str:
    """How libvirt calls a layer: a frozen one can be ``disk`` to it."""
    for path in paths:
        if (os.path.dirname(path) == instance.directory.path
                and instance.directory.same(os.path.basename(path),
                                            layer.file)):
            return path
    raise exception.Refused('merge', instance.name, [
        f'libvirt does not know that the domain stands on {layer.file}; '
        'stop it and start it again'])
