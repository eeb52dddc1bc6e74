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

"""The driver that nova-compute loads: ``snapdriver.SnapshotLibvirtDriver``.

Every override says what it adds to the stock libvirt driver, and does nothing
else for an instance without local snapshots. Signatures differ between
releases of Nova in arguments that do not matter here, so they pass
``*args, **kwargs`` on.
"""

from collections.abc import Callable
import inspect
from typing import Any

from nova import exception as nova_exception
from nova.compute import task_states
from nova.compute import vm_states
from nova.virt.libvirt import driver as libvirt_driver
from oslo_utils import excutils

from snapdriver.nova import allocations as placement
from snapdriver.nova import disk_info
from snapdriver.nova import engine as engines
from snapdriver.nova import events
from snapdriver.nova import handles
from snapdriver.nova import image_cache
from snapdriver.nova import image_snapshot
from snapdriver.nova import inventory
from snapdriver.nova import metadata
from snapdriver.nova import moves
from snapdriver.nova import names
from snapdriver.nova import own_image
from snapdriver.nova import reaper
from snapdriver.nova import reverting
from snapdriver.nova import safety
from snapdriver.nova import startup
from snapdriver.nova.watching import service as watching
from snapdriver.nova.watching import verbs

#: cleanup() in these is the end of all that the instance has here.
_ENDS = (task_states.DELETING, task_states.SOFT_DELETING,
         task_states.REBUILDING, task_states.REBUILD_BLOCK_DEVICE_MAPPING,
         task_states.REBUILD_SPAWNING, task_states.SHELVING,
         task_states.SHELVING_OFFLOADING,
         task_states.SHELVING_IMAGE_PENDING_UPLOAD,
         task_states.SHELVING_IMAGE_UPLOADING)

#: Nova 34 and newer let the driver look at them before anything else does.
_TELLS_INSTANCES = hasattr(
    libvirt_driver.LibvirtDriver, 'process_instances_at_startup')


def _as_stock(method: Callable[..., Any]) -> Callable[..., Any]:
    """An override that passes arguments on tells what they are."""
    setattr(method, '__signature__', inspect.signature(  # noqa: B010
        getattr(libvirt_driver.LibvirtDriver, method.__name__)))
    return method


class SnapshotLibvirtDriver(
        libvirt_driver.LibvirtDriver):
    """Nova's libvirt driver, with native snapshots that can be reverted."""

    def __init__(self, virtapi: Any, read_only: bool = False) -> None:
        super().__init__(virtapi, read_only)
        self._engine = engines.Engine(self._host)
        self._allocations = placement.Allocations(virtapi)
        self._reaper = reaper.Reaper(self._engine)
        self._watching = watching.Watching(self._engine)
        self._safeties = safety.Safeties(
            self._engine, self._image_api, self._reaper)
        self.image_cache_manager = image_cache.ImageCacheManager(
            self._engine)

    # The service -----------------------------------------------------------

    def init_host(self, host: str) -> Any:
        """Recovers what was interrupted, before Nova looks at instances."""
        result = super().init_host(host)
        startup.recover(self._engine)
        if not _TELLS_INSTANCES:
            startup.restore_images_of(self._engine, host)
        self._watching.start()
        self._reaper.start()
        return result

    if _TELLS_INSTANCES:
        def process_instances_at_startup(self, context: Any,
                                         instances: Any) -> Any:
            """Puts back the own image where a rebuild was interrupted."""
            startup.restore_images(self._engine, instances)
            return super().process_instances_at_startup(context, instances)

    def cleanup_host(self, host: str) -> Any:
        self._reaper.stop()
        self._watching.stop()
        return super().cleanup_host(host)

    def update_provider_tree(self, provider_tree: Any, nodename: str,
                             allocations: Any = None) -> None:
        """Adds the trait, and what snapshots hold to the reserved disk."""
        super().update_provider_tree(
            provider_tree, nodename, allocations=allocations)
        inventory.update(self._engine, provider_tree, nodename)
        self._allocations.restore()

    def _get_instance_disk_info_from_config(
            self, guest_config: Any, block_device_info: Any) -> Any:
        """Tells of chains of layers what the state file knows."""
        stock = super()._get_instance_disk_info_from_config
        return disk_info.collect(
            self._engine, guest_config,
            lambda config: stock(config, block_device_info))

    # Stock verbs -----------------------------------------------------------

    def snapshot(self, context: Any, instance: Any, image_id: str,
                 update_task_state: Any) -> Any:
        """Makes a local snapshot, and fills the image that is its handle."""
        try:
            guest = self._host.get_guest(instance)
        except nova_exception.InstanceNotFound:
            raise nova_exception.InstanceNotRunning(
                instance_id=instance.uuid) from None
        images = image_snapshot.ImageSnapshot(
            self._engine, self._image_api, self._reaper, context, instance,
            image_id)
        with events.failure(context, instance, 'compute_snapdriver_create'):
            done = images.take(guest, update_task_state)
        if not done:
            super().snapshot(context, instance, image_id, update_task_state)

    @_as_stock
    def rebuild(self, context: Any, instance: Any, image_meta: Any,
                *args: Any, allocations: Any = None,
                network_info: Any = None, evacuate: bool = False,
                block_device_info: Any = None,
                preserve_ephemeral: bool = False, **kwargs: Any) -> None:
        """Reverts, if the image is a handle of this instance's.

        :raises NotImplementedError: for Nova's own rebuild.
        """
        image_id = image_meta.id if image_meta.obj_attr_is_set('id') else None
        revert = reverting.Revert(
            self._engine, self._safeties, context, instance)
        with self._allocations.kept(instance, allocations):
            snapshot = None if evacuate else revert.begin(image_id)
            if snapshot is None:
                raise NotImplementedError()
            name = (image_meta.name if image_meta.obj_attr_is_set('name')
                    else '')
            with verbs.watched(
                    verbs.Verb.REVERT, instance, [snapshot.id], context):
                if revert.run(snapshot, name or snapshot.name,
                              preserve_ephemeral):
                    self._hard_reboot(context, instance, network_info, None,
                                      block_device_info)

    @_as_stock
    def spawn(self, context: Any, instance: Any, image_meta: Any,
              *args: Any, **kwargs: Any) -> Any:
        """Refuses a manifest, which is no disk."""
        if handles.is_manifest(instance, image_meta):
            raise nova_exception.BuildAbortException(
                instance_uuid=instance.uuid, reason=(
                    f'image {instance.image_ref} is the handle of another '
                    'server\'s snapshot, and no disk image; boot from an '
                    'image with the property snapdriver_payload=disk'))
        return super().spawn(context, instance, image_meta, *args, **kwargs)

    # Power and definition --------------------------------------------------

    def _destroy(self, instance: Any) -> Any:
        """Settles the names once the guest is off."""
        result = super()._destroy(instance)
        names.settle(self._engine, instance)
        return result

    def _undefine_domain(self, instance: Any, *args: Any,
                         **kwargs: Any) -> Any:
        """Without libvirt's metadata; a save image is gone after it."""
        stock = super()._undefine_domain
        result = metadata.without(
            self._engine, self._host, instance,
            lambda: stock(instance, *args, **kwargs))
        names.settle(self._engine, instance)
        return result

    def _create_guest(self, context: Any, xml: str, instance: Any,
                      *args: Any, **kwargs: Any) -> Any:
        """Starts nothing on old data, and shows virsh the snapshots again."""
        with self._engine.without_merges(instance):
            names.require(self._engine, instance, xml)
            result = super()._create_guest(context, xml, instance, *args,
                                           **kwargs)
        metadata.restore(self._engine, instance)
        return result

    def _soft_reboot(self, instance: Any) -> Any:
        """Lets nobody merge layers while the guest is off."""
        with self._engine.without_merges(instance):
            return super()._soft_reboot(instance)

    def _hard_reboot(self, context: Any, instance: Any, *args: Any,
                     **kwargs: Any) -> Any:
        """Every start is one; keeps what the instance's own image is."""
        own_image.restore(self._engine, instance)
        with engines.logged('note its own image', instance):
            own_image.remember(self._engine, instance)
        return super()._hard_reboot(context, instance, *args, **kwargs)

    def _get_existing_domain_xml(self, instance: Any, *args: Any,
                                 **kwargs: Any) -> Any:
        """Leaves out the chain, which will be another (resume, rescue)."""
        return names.without_chain(
            self._engine, instance,
            super()._get_existing_domain_xml(instance, *args, **kwargs))

    # The end, and moves ----------------------------------------------------

    @_as_stock
    def cleanup(self, context: Any, instance: Any, network_info: Any,
                block_device_info: Any = None, destroy_disks: bool = True,
                *args: Any, **kwargs: Any) -> Any:
        """Notes the manifests of an instance whose files go for good."""
        gone: list[str] = []
        if self._engine.knows(instance.uuid):
            if destroy_disks and (
                    instance.task_state in _ENDS or instance.deleted
                    or instance.vm_state in (vm_states.DELETED,
                                             vm_states.SOFT_DELETED)):
                gone = self._doom(instance)
            # Nova removes the directory first, and undefines then.
            metadata.drop(self._host, instance)
        with verbs.watched(verbs.Verb.DELETE, instance, gone, context):
            return super().cleanup(context, instance, network_info,
                                   block_device_info, destroy_disks, *args,
                                   **kwargs)

    def delete_instance_files(self, instance: Any) -> Any:
        """Lets nobody work in the directory that goes."""
        with self._engine.alone(instance):
            return super().delete_instance_files(instance)

    def _doom(self, instance: Any) -> list[str]:
        """:returns: ids of all its local snapshots."""
        with engines.logged('note the handles of its snapshots', instance):
            state = self._engine.state(instance.uuid)
            if state is not None:
                self._reaper.doom(instance.uuid, handles.manifests(state))
                return list(state.snapshots)
        return []

    @_as_stock
    def check_can_live_migrate_source(self, context: Any, instance: Any,
                                      *args: Any, **kwargs: Any) -> Any:
        """Refuses an instance with local snapshots."""
        moves.refuse_live(self._engine, instance)
        return super().check_can_live_migrate_source(
            context, instance, *args, **kwargs)

    @_as_stock
    def migrate_disk_and_power_off(self, context: Any, instance: Any,
                                   dest: str, *args: Any,
                                   **kwargs: Any) -> Any:
        """Copies the layers for a resize on this host; refuses a move."""
        here = dest == self.get_host_ip_addr()
        if not here:
            moves.before_cold(self._engine, self._reaper, instance)
        with self._engine.without_merges(instance):
            result = super().migrate_disk_and_power_off(
                context, instance, dest, *args, **kwargs)
            if here:
                try:
                    moves.copy_layers(self._engine, instance)
                except Exception:
                    with excutils.save_and_reraise_exception():
                        moves.put_back(self._engine, instance)
        return result
