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

"""libvirt's list of a domain's snapshots, around Nova's undefine and define.

libvirt refuses to undefine a domain that has any, and Nova removes the
instance's directory before it finds out (invariant I5).
"""

from collections.abc import Callable
from typing import Any

import libvirt
from nova import exception as nova_exception

from snapdriver.nova import engine as engines


def without(engine: engines.Engine, host: Any, instance: Any,
            undefine: Callable[[], Any]) -> Any:
    """Undefine a domain, whatever snapshots libvirt lists.

    Those that we do not know of, or whose instance's directory has gone, are
    looked for if libvirt refuses.
    """
    if engine.knows(instance.uuid):
        drop(host, instance)
    try:
        return undefine()
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_OPERATION_INVALID:
            raise
    drop(host, instance)
    return undefine()


def drop(host: Any, instance: Any) -> None:
    """Make libvirt forget the snapshots of a domain, whoever made them.

    Only libvirt's metadata goes: ours is described again by
    :func:`restore`, and what others made stays in the disks' files.

    :param host: a ``nova.virt.libvirt.host.Host``.
    """
    try:
        domain = host.get_guest(instance)._domain
    except nova_exception.InstanceNotFound:
        return
    for snapshot in reversed(domain.listAllSnapshots(
            libvirt.VIR_DOMAIN_SNAPSHOT_LIST_TOPOLOGICAL)):
        snapshot.delete(libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY)


def restore(engine: engines.Engine, instance: Any) -> None:
    """Describe our snapshots to libvirt again; a failure is logged."""
    if engine.knows(instance.uuid):
        with engines.logged('describe its snapshots to libvirt', instance):
            engine.manager.restore_view(instance.uuid)
