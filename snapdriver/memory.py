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

"""Memory and tags: what libvirt and QEMU do with internal snapshots.

The guest stands still as long as its memory is written. A revert replaces
the QEMU process.
"""

import time
from typing import NamedTuple

import libvirt
from oslo_log import log as logging

from snapdriver import domain as domains
from snapdriver import exception
from snapdriver import internalxml
from snapdriver import model

LOG = logging.getLogger(__name__)
_JOB_ENDS_WITHIN = 60
# virDomainShutoffReason: libvirtd, or QEMU itself, has ended the guest.
_KILLED = (libvirt.VIR_DOMAIN_SHUTOFF_DAEMON,
           libvirt.VIR_DOMAIN_SHUTOFF_CRASHED)
# virDomainPausedReason: libvirt paused it, and has not come to the end.
_HELD = (libvirt.VIR_DOMAIN_PAUSED_SAVE, libvirt.VIR_DOMAIN_PAUSED_SNAPSHOT,
         libvirt.VIR_DOMAIN_PAUSED_UNKNOWN)


class DiskTags(NamedTuple):
    """:ivar file: what QEMU writes, a path.
    :ivar node: QEMU's name for it.
    :ivar names: of the tags in it; one that is there twice is twice here.
    """

    file: str
    node: str
    names: list[str]


def tags(domain: domains.Domain) -> dict[str, DiskTags]:
    """The tags in what QEMU writes for each disk's target."""
    return {target: DiskTags(
        domains.written_file(inserted), inserted['node-name'],
        [tag['name'] for tag in inserted['image'].get('snapshots', ())])
        for target, inserted in domain.qemu_blocks().items()}


def untag(domain: domains.Domain, node: str, name: str) -> None:
    """Remove a tag from an image that QEMU writes; the guest runs on."""
    domain.ask_qemu('blockdev-snapshot-delete-internal-sync', device=node,
                    name=name)


def take(domain: domains.Domain, xml: str) -> None:
    """Snapshot memory and disks; the guest goes on as it did before."""
    domain.call('take a snapshot', domain.handle.snapshotCreateXML, xml, 0)


def revert(domain: domains.Domain, name: str, paused: bool) -> None:
    """Put memory and disks back, by libvirt's own description."""
    entry = domain.call('look up a snapshot',
                        domain.handle.snapshotLookupByName, name)
    flags = (libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED if paused
             else libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING)
    domain.call('revert to a snapshot', domain.handle.revertToSnapshot,
                entry, flags)


def wait_for_jobs(domain: domains.Domain) -> None:
    """Wait until QEMU itself saves or loads nothing any more.

    Newer libvirts leave that to a job of QEMU's, which outlives libvirtd.

    :raises LibvirtFailed: it has not ended for a minute.
    """
    end = time.monotonic() + _JOB_ENDS_WITHIN
    while not domain.is_off():
        if not any(job['type'].startswith('snapshot-')
                   and job['status'] not in ('concluded', 'null')
                   for job in domain.ask_qemu('query-jobs')):
            return
        if time.monotonic() > end:
            raise exception.LibvirtFailed(
                action='wait for QEMU', domain=domain.name, code=0,
                reason='it has been saving its memory for a minute')
        time.sleep(0.05)


def go_on(domain: domains.Domain, was: model.Power) -> None:
    """Let a guest that an interrupted snapshot has stopped be as it was."""
    state, reason = domain.call('read the state', domain.handle.state)
    if (state == libvirt.VIR_DOMAIN_PAUSED and reason in _HELD
            and was is model.Power.RUNNING):
        domain.call('resume', domain.handle.resume)
    elif state == libvirt.VIR_DOMAIN_SHUTOFF and reason in _KILLED:
        LOG.warning('%(domain)s was killed in a snapshot and is started '
                    'again', {'domain': domain.name})
        domain.start(paused=was is model.Power.PAUSED)


def process(domain: domains.Domain) -> int:
    """libvirt's number for the QEMU process of now; -1 if it is off.

    It is looked up, as a handle keeps the number that it was made with.
    """
    return domain.number()


def set_clock(domain: domains.Domain, seconds: int) -> None:
    """Tell a guest what time it is, if its agent answers within that time.

    Its clock has gone back with its memory.
    """
    if not internalxml.has_agent(domain.live_xml()):
        return
    try:
        if not domain.has_agent(seconds):
            raise exception.LibvirtFailed(
                action='reach the guest agent', domain=domain.name, code=0,
                reason=f'it is silent for {seconds} s')
        now = time.time()
        with domain.bounded_agent(seconds):
            domain.call('set the clock', domain.handle.setTime, {
                'seconds': int(now), 'nseconds': int(now % 1 * 1e9)}, 0)
    except exception.LibvirtFailed as error:
        LOG.warning('The clock of %(domain)s is as it was at the snapshot: '
                    '%(error)s', {'domain': domain.name, 'error': error})
