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

"""A failed revert keeps its server's allocation in Placement.

``rebuild_instance`` removes it after any error, a refusal included, as if the
server had been on its way to this host (``scheduled_node`` is never None in
Nova 34); others would then be given what the server goes on using. Nova
updates this host's resources next, still in the same thread
(``_instance_update``), and here they come back.
"""

from collections.abc import Iterator
import contextlib
import time
from typing import Any

from keystoneauth1 import exceptions as ks_exceptions
from nova import context as nova_context
from nova import exception as nova_exception
from nova import objects
from oslo_log import log as logging

LOG = logging.getLogger(__name__)
#: For how many seconds Nova may take to remove it.
_PATIENCE = 300.0


class Allocations:
    """Those of servers whose revert has failed.

    :param virtapi: a ``nova.compute.manager.ComputeVirtAPI``.
    """

    def __init__(self, virtapi: Any) -> None:
        self._virtapi = virtapi
        self._kept: dict[str, tuple[dict[str, Any], float]] = {}

    @contextlib.contextmanager
    def kept(self, instance: Any, allocations: Any) -> Iterator[None]:
        """Around what may fail.

        :param allocations: of the server, as ``rebuild()`` gets them.
        """
        try:
            yield
        except NotImplementedError:
            raise
        except Exception:
            if allocations:
                self._kept[instance.uuid] = allocations, time.monotonic()
            raise

    def restore(self) -> None:
        """Put back what is missing; what cannot be is tried again later."""
        for uuid, (allocations, since) in list(self._kept.items()):
            try:
                missing = self._restore(uuid, allocations)
            except (nova_exception.NovaException,
                    ks_exceptions.ClientException) as error:
                LOG.warning('The allocation of %(uuid)s is not back in '
                            'Placement yet: %(error)s',
                            {'uuid': uuid, 'error': error})
            else:
                if missing or time.monotonic() - since > _PATIENCE:
                    self._kept.pop(uuid, None)

    def _restore(self, uuid: str, allocations: dict[str, Any]) -> bool:
        """:returns: whether that is done; False if nothing was missing."""
        context = nova_context.get_admin_context()
        try:
            instance = objects.Instance.get_by_uuid(context, uuid)
        except nova_exception.InstanceNotFound:
            return True
        client = self._virtapi.reportclient
        found = client.get_allocs_for_consumer(context, uuid)
        missing = {provider: {'resources': allocation['resources']}
                   for provider, allocation in allocations.items()
                   if provider not in found['allocations']}
        if not missing:
            return False
        client.put_allocations(context, uuid, {
            'allocations': found['allocations'] | missing,
            'project_id': instance.project_id,
            'user_id': instance.user_id,
            'consumer_generation': found.get('consumer_generation')})
        LOG.info('Put its allocation back into Placement', instance=instance)
        return True
