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

"""Freezing the guest's file systems for the moment of a snapshot."""

from oslo_log import log as logging

from snapdriver import domain as domains
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import model
from snapdriver import thawing
from snapdriver.backends import overlays

LOG = logging.getLogger(__name__)


def wanted(instance: instances.Instance, domain: domains.Domain,
           asked: model.Quiesce, power: model.Power
           ) -> tuple[bool, list[str], list[str]]:
    """Whether to freeze the file systems; notes; refusals."""
    if asked is model.Quiesce.NEVER or power is model.Power.SHUTOFF:
        return False, [], []
    if power is model.Power.PAUSED:
        silent = 'the guest is paused, so its agent cannot freeze anything'
    elif domain.has_agent(instance.options.quiesce_timeout):
        return True, [], []
    else:
        silent = 'no guest agent answers'
    if asked is model.Quiesce.REQUIRE:
        return False, [], [
            f'{silent}; start qemu-guest-agent in the guest, or do not '
            'require quiescing']
    return False, [f'{silent}: crash-consistent only'], []


def snapshot(instance: instances.Instance, domain: domains.Domain, xml: str,
             new: overlays.Layers, asked: model.Quiesce) -> bool:
    """Take a snapshot with frozen file systems, thawed in any case.

    :param new: the overlays that it puts on top.
    :returns: whether they were frozen; if asked only to try, it is taken
        without that.
    """
    try:
        with domain.bounded_agent(instance.options.quiesce_timeout):
            domain.snapshot_disks(xml, quiesce=True)
    except exception.LibvirtFailed as error:
        thawing.thaw(instance)
        if overlays.in_use(instance, new):
            LOG.warning('The guest agent of %(domain)s failed after the '
                        'snapshot was taken: %(error)s',
                        {'domain': instance.name, 'error': error})
            return True
        if asked is model.Quiesce.REQUIRE:
            raise
        LOG.warning('File systems of %(domain)s could not be frozen; the '
                    'snapshot is crash-consistent: %(error)s',
                    {'domain': instance.name, 'error': error})
        domain.snapshot_disks(xml, quiesce=False)
        return False
    return True
