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


"""Whether Nova minds that an instance's snapshots are touched."""

from collections.abc import Callable

from nova import conf as nova_conf
from nova import context as nova_context
from nova import exception as nova_exception
from nova import objects
from nova import utils as nova_utils
from nova.compute import vm_states

CONF = nova_conf.CONF
_CALM = (vm_states.ACTIVE, vm_states.STOPPED, vm_states.PAUSED)


class Servers:
    """See :class:`snapdriver.nova.deleting.Servers`."""

    def refusal(self, uuid: str) -> str | None:
        """As the database says now: what we knew may be old."""
        try:
            instance = objects.Instance.get_by_uuid(
                nova_context.get_admin_context(), uuid, expected_attrs=[])
        except nova_exception.InstanceNotFound:
            return 'Nova does not know it'
        if instance.host != CONF.host:
            return f'it belongs to host {instance.host}'
        if instance.task_state is not None:
            return f'its task state is {instance.task_state}'
        if instance.vm_state not in _CALM:
            return f'it is {instance.vm_state}'
        return None

    def run(self, uuid: str, act: Callable[[], object]) -> str | None:
        """Under the lock that ``nova.compute.manager`` takes."""
        def locked() -> str | None:
            why = self.refusal(uuid)
            if why is None:
                act()
            return why

        refused: str | None = nova_utils.synchronized(uuid)(locked)()
        return refused
