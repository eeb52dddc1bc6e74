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

"""``openstack server rebuild --image HANDLE``: put the server back.

::

    nova-api       REBUILDING, image_ref = the handle
    rebuild()      own image put back, REBUILD_BLOCK_DEVICE_MAPPING
                   safety handle queued, revert by the engine,
                   REBUILD_SPAWNING
    hard reboot    the domain anew from what Nova knows now: ports, volumes,
                   console; not for a memory that goes on, and not for a
                   server that was stopped

A refusal comes before anything but the instance's record was touched, as
``InstanceFaultRollback``: the server keeps its state (``rebuild_instance``).
"""

from typing import Any

from nova import exception as nova_exception
from nova.compute import task_states
from nova.compute import vm_states

from snapdriver import exception
from snapdriver import model
from snapdriver.nova import engine as engines
from snapdriver.nova import handles
from snapdriver.nova import origin
from snapdriver.nova import own_image
from snapdriver.nova import requests
from snapdriver.nova import safety


class Revert:
    """One rebuild of one instance onto one of its handles."""

    def __init__(self, engine: engines.Engine, safeties: safety.Safeties,
                 context: Any, instance: Any) -> None:
        self._engine = engine
        self._safeties = safeties
        self._context = context
        self._instance = instance

    def begin(self, image_id: str | None) -> model.Snapshot | None:
        """What the rebuild means.

        :param image_id: the image that it is asked for with.
        :returns: the snapshot to revert to; None for Nova's own rebuild.
        :raises InstanceFaultRollback: neither can be; nothing has changed.
        """
        instance = self._instance
        try:
            state = self._engine.state(instance.uuid)
        except exception.SnapdriverError as error:
            raise self.refusal(str(error)) from error
        found = None if state is None or image_id is None else (
            state.snapshots.get(image_id))
        if found is not None:
            return found
        if handles.is_manifest(instance):
            raise self.refusal(
                f'image {image_id} is the handle of a snapshot that this '
                'server does not have (any more), and no disk image')
        return None

    def refusal(self, reason: str) -> nova_exception.InstanceFaultRollback:
        """To be raised, with the instance's own image put back."""
        instance = self._instance
        state = None
        with engines.logged('read its own image', instance):
            state = self._engine.state(instance.uuid)
        own = (state.own_image if state is not None and state.own_image
               else origin.find())
        if own is not None:
            own_image.put_back(instance, own)
            instance.save()
        return nova_exception.InstanceFaultRollback(
            nova_exception.InstanceUnacceptable(
                instance_id=instance.uuid, reason=reason))

    def run(self, snapshot: model.Snapshot, name: str,
            preserve_ephemeral: bool) -> bool:
        """Revert the disks, or the guest with its memory.

        :param name: of the handle, for people.
        :param preserve_ephemeral: refused, where there is such a disk.
        :returns: whether the domain is off and has to be started by Nova.
        """
        instance = self._instance
        if preserve_ephemeral and len(snapshot.disks) > 1:
            raise self.refusal(
                'its ephemeral disks are in the snapshot, and would be put '
                'back with the root disk; do it without preserve_ephemeral')
        wish = instance.system_metadata.get(
            f'image_{requests.MEMORY}', 'yes').lower()
        stopped = instance.vm_state == vm_states.STOPPED
        memory = (snapshot.consistency is model.Consistency.MEMORY
                  and not stopped and wish not in ('no', 'false', '0'))
        self._check(snapshot, memory)
        self._put_back_image()
        instance.task_state = task_states.REBUILD_BLOCK_DEVICE_MAPPING
        instance.save(expected_task_state=[task_states.REBUILDING])
        safe = self._queue_safety(name)
        made = None
        try:
            made = self._engine.manager.revert(
                instance.uuid, snapshot.id, memory=memory,
                power=None if memory else model.Power.SHUTOFF,
                safety_id=safe,
                safety_description=self._safeties.title(name),
                safety_properties={handles.IS_HANDLE: 'manifest'})
        except exception.Refused as error:
            raise self.refusal(error.text) from error
        except exception.SnapdriverError as error:
            raise nova_exception.InternalError(str(error)) from error
        finally:
            self._safeties.settle(self._context, instance, safe, made)
        instance.task_state = task_states.REBUILD_SPAWNING
        instance.save(
            expected_task_state=[task_states.REBUILD_BLOCK_DEVICE_MAPPING])
        return not stopped and not memory

    def _check(self, snapshot: model.Snapshot, memory: bool) -> None:
        """:raises InstanceFaultRollback: the engine would refuse it."""
        try:
            plan = self._engine.manager.plan_revert(
                self._instance.uuid, snapshot.id, memory=memory,
                power=None if memory else model.Power.SHUTOFF)
        except exception.Unfinished:
            return  # it is recovered first
        except exception.SnapdriverError as error:
            raise self.refusal(str(error)) from error
        if plan.refusals:
            # What comes first is what its user sees: Nova cuts it.
            raise self.refusal((
                f'(detach volumes, or set {requests.MEMORY}=no on the image '
                'to go without its memory) ' if memory else '')
                + '; '.join(plan.refusals))

    def _put_back_image(self) -> None:
        state = self._engine.state(self._instance.uuid)
        if state is not None and state.own_image is not None:
            own_image.put_back(self._instance, state.own_image)

    def _queue_safety(self, name: str) -> str:
        try:
            return self._safeties.queue(self._context, self._instance, name)
        except nova_exception.NovaException as error:
            raise self.refusal(
                'no image could be made for what is active now: '
                f'{error}') from error
