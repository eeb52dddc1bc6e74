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


"""Internal snapshots: tags inside the images, with the memory if it runs.

::

    create s1    before:  base <- a (active)
                 after:   base <- a (active), tag s1 in a
    revert s1    before:  base <- a (active), tags s1 and s2
                 after:   base <- a (active), tags s1, s2 and safety
    but if a was frozen meanwhile:
                 before:  base <- a <- b (active), tag s1 in a
                 after:   base <- a <- b          b is kept as safety
                               \\- c (active)      c is a copy of a at s1
"""

from collections.abc import Sequence
import dataclasses

from snapdriver import instance as instances
from snapdriver import model
from snapdriver.backends import base
from snapdriver.backends import external_revert
from snapdriver.backends import internal_create
from snapdriver.backends import internal_revert
from snapdriver.backends import internal_tags
from snapdriver.backends import memory_revert
from snapdriver.backends import tag_revert

KIND = 'internal'


class InternalBackend(base.Backend):
    """Snapshots of memory and disks of one moment, inside the images."""

    kind = KIND

    def plan_create(self, instance: instances.Instance,
                    request: model.CreateRequest) -> model.Plan:
        return internal_create.plan(instance, request)

    def create(self, instance: instances.Instance,
               plan: model.Plan) -> model.Snapshot:
        return internal_create.create(instance, plan)

    def plan_revert(self, instance: instances.Instance,
                    request: model.RevertRequest) -> model.Plan:
        return internal_revert.plan(instance, request)

    def revert(self, instance: instances.Instance,
               plan: model.Plan) -> model.Snapshot | None:
        return internal_revert.revert(instance, plan)

    def discard(self, instance: instances.Instance,
                snapshots: Sequence[model.Snapshot]) -> None:
        owed = internal_tags.to_jobs(instance.state, snapshots)
        instance.save(dataclasses.replace(
            instance.state, jobs=dict(instance.state.jobs) | owed))
        internal_tags.retry(instance)

    def recover(self, instance: instances.Instance) -> str:
        if instance.operation.verb == 'create':
            return internal_create.recover(instance)
        if 'new' in instance.operation.data:
            return external_revert.recover(instance)
        if instance.operation.data['way'] == 'memory':
            return memory_revert.recover(instance)
        return tag_revert.recover(instance)
