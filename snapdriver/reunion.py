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

"""Bringing libvirt and QEMU back to one view of a running domain.

A libvirtd that is killed in a snapshot can leave QEMU on the new overlay and
its own XML on the old one::

    QEMU     base <- a <- b (written)
    libvirt  base <- a (written)

From then on every snapshot fails, and the next start boots old data. libvirt
offers no way to change its mind but this: the guest is saved with its memory
(managed save), the XML inside the save image and the definition are put on
what QEMU wrote, and the guest goes on. It stands still meanwhile; nothing is
lost. If it cannot be saved, it is stopped and started instead.
"""

import os

from oslo_log import log as logging

from snapdriver import domain as domains
from snapdriver import domainxml
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import managedsave
from snapdriver import model
from snapdriver import settle
from snapdriver import view

LOG = logging.getLogger(__name__)


def differing(instance: instances.Instance,
              domain: domains.Domain) -> dict[str, str]:
    """Target to QEMU's file of each disk of which libvirt says otherwise."""
    disks = domainxml.parse_disks(domain.live_xml())
    qemu = domain.qemu_disks(disks)
    return {disk.target: qemu[disk.target][0] for disk in disks
            if not disk.unfit(instance.directory.path)
            and disk.target in qemu
            and qemu[disk.target][0] != disk.source}


def reunite(instance: instances.Instance) -> list[str]:
    """Repair it, if it is so.

    :returns: one sentence for each disk that was repaired.
    :raises Refused: QEMU writes a layer that the state does not say is
        active: what to believe is for a human to tell.
    """
    domain = instance.domain
    if (domain is None or not domain.is_persistent()
            or instance.is_off()):
        return []
    torn = differing(instance, domain)
    if not torn:
        return []
    active = {instance.state.layers[disk.active].file
              for disk in instance.state.disks.values()}
    for target, path in torn.items():
        if os.path.basename(path) not in active:
            raise exception.Refused('repair', instance.name, [
                f'QEMU writes disk {target} to {path}, which is no active '
                'layer of ours; stop the guest, and define it on that file'])
    LOG.warning('libvirt and QEMU differ about %(disks)s of %(name)s; the '
                'guest is saved and resumed on what QEMU wrote',
                {'disks': ', '.join(torn), 'name': instance.name})
    instance.begin('reunite', '', 'planned', {
        'paused': domain.power() is model.Power.PAUSED})
    _save(instance, domain)
    resume(instance)
    return [f'disk {target} was written to {path} without libvirt\'s '
            'knowledge; the guest was saved and resumed on it'
            for target, path in torn.items()]


def _save(instance: instances.Instance, domain: domains.Domain) -> None:
    try:
        domain.save()
    except exception.LibvirtFailed as error:
        LOG.warning('%(name)s cannot be saved and is restarted instead: '
                    '%(error)s', {'name': instance.name, 'error': error})
        domain.stop()
    instance.passed('saved')


def resume(instance: instances.Instance) -> None:
    """What follows the record; can be repeated."""
    domain, data = instance.domain, instance.operation.data
    if domain is None:
        raise exception.DomainNotFound(domain=instance.name,
                                       searched='libvirt')
    if (not domain.is_off()
            and differing(instance, domain)):
        _save(instance, domain)
    if domain.is_off():
        if domain.has_managed_save():
            _define_saved(instance, domain)
        settle.switch(instance, {
            disk.name: instance.state.layers[disk.active]
            for disk in instance.state.disks.values()})
        view.sync(instance)
        domain.start(paused=data['paused'])
    instance.finish('committed')


def _define_saved(instance: instances.Instance,
                  domain: domains.Domain) -> None:
    """Put the save image on the active layers."""
    try:
        managedsave.put_on(instance, {
            disk.name: instance.state.layers[disk.active]
            for disk in instance.state.disks.values()})
    except exception.LibvirtFailed as error:
        LOG.warning('The memory of %(name)s is dropped and it is restarted: '
                    '%(error)s', {'name': instance.name, 'error': error})
        domain.drop_saved()
