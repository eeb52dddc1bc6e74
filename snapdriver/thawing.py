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

"""Always a thaw: also when the guest agent answers too late.

A freeze that libvirt has given up on can still be carried out by a slow
agent, and the guest would stand still from then on. What could not be thawed
is written down as a job and tried again by every verb and by recover.
"""

import dataclasses
import time

from oslo_log import log as logging

from snapdriver import instance as instances
from snapdriver import jobs
from snapdriver import model

LOG = logging.getLogger(__name__)
JOB = jobs.THAW


def thaw(instance: instances.Instance) -> None:
    """Thaw the guest's file systems; if its agent is silent, owe it."""
    domain = instance.domain
    if domain is None or instance.is_off():
        _settle_debt(instance)
    elif domain.thaw(instance.options.quiesce_timeout):
        _settle_debt(instance)
    elif JOB not in instance.state.jobs:
        LOG.error('The guest agent of %(name)s does not answer the thaw; if '
                  'it freezes late, the guest stands still until "snapdriver '
                  'domain recover %(name)s" reaches it',
                  {'name': instance.name})
        job = model.Job(id=JOB, type=JOB, disk='', started_at=time.time())
        instance.save(dataclasses.replace(
            instance.state, jobs=dict(instance.state.jobs) | {JOB: job}))


def retry(instance: instances.Instance) -> bool:
    """Try again what is owed; whether nothing is owed any more."""
    if JOB in instance.state.jobs:
        thaw(instance)
    return JOB not in instance.state.jobs


def _settle_debt(instance: instances.Instance) -> None:
    if JOB in instance.state.jobs:
        instance.save(dataclasses.replace(instance.state, jobs={
            key: job for key, job in instance.state.jobs.items()
            if key != JOB}))
