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

"""External snapshots: a frozen layer with a name, a new overlay on top.

::

    create s1    before:  base <- a (active)
                 after:   base <- a <- b (active)
                                  s1
    revert s1    before:  base <- a <- b (active)
                 after:   base <- a <- c (active)
                                  s1 \\- b
                                       safety
"""

from collections.abc import Sequence

from snapdriver import instance as instances
from snapdriver import model
from snapdriver.backends import base
from snapdriver.backends import external_create
from snapdriver.backends import external_revert

KIND = 'external'


class ExternalBackend(base.Backend):
    """Disk-only snapshots, whatever the size of the disks and the state."""

    kind = KIND

    def plan_create(self, instance: instances.Instance,
                    request: model.CreateRequest) -> model.Plan:
        return external_create.plan(instance, request)

    def create(self, instance: instances.Instance,
               plan: model.Plan) -> model.Snapshot:
        return external_create.create(instance, plan)

    def plan_revert(self, instance: instances.Instance,
                    request: model.RevertRequest) -> model.Plan:
        return external_revert.plan(instance, request)

    def revert(self, instance: instances.Instance,
               plan: model.Plan) -> model.Snapshot | None:
        return external_revert.revert(instance, plan)

    def discard(self, instance: instances.Instance,
                snapshots: Sequence[model.Snapshot]) -> None:
        """Nothing: an external snapshot keeps nothing inside a layer."""

    def recover(self, instance: instances.Instance) -> str:
        if instance.operation.verb == 'create':
            return external_create.recover(instance)
        return external_revert.recover(instance)
