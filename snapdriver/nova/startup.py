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

"""What a start of nova-compute finds, and puts in order before Nova looks."""

from typing import Any

from nova import context as nova_context
from nova import objects
from oslo_log import log as logging

from snapdriver.nova import engine as engines
from snapdriver.nova import own_image

LOG = logging.getLogger(__name__)


def recover(engine: engines.Engine) -> None:
    """Finish or undo what was interrupted, and settle what is off.

    Short steps only; one instance that cannot be put in order does not keep
    the others from it.
    """
    for uuid in engine.uuids():
        with engines.logged(f'recover instance {uuid}', None):
            for done in engine.manager.recover(uuid):
                LOG.warning('Instance %(uuid)s: %(done)s',
                            {'uuid': uuid, 'done': done})


def restore_images(engine: engines.Engine, instances: Any) -> None:
    """Put back the own image of instances whose rebuild was interrupted.

    :param instances: ``nova.objects.Instance`` objects of this host.
    """
    for instance in instances:
        if not instance.deleted and engine.knows(instance.uuid):
            own_image.restore(engine, instance)


def restore_images_of(engine: engines.Engine, host: str) -> None:
    """The same for all of a host, for which it asks Nova."""
    if engine.uuids():
        restore_images(engine, objects.InstanceList.get_by_host(
            nova_context.get_admin_context(), host,
            expected_attrs=['system_metadata']))
