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

"""A second name for the snapshot that the active layers stand on.

::

    before:  base <- a <- b*         after:  base <- a <- b*
                     s1                              s1, mark

Possible only while nothing was written to b. No file is made or changed.
"""

import dataclasses
import time

from snapdriver import model
from snapdriver import preflight
from snapdriver import state as state_file
from snapdriver import view
from snapdriver.backends import base
from snapdriver.backends import external


class BookmarkBackend(base.Backend):

    kind = 'bookmark'

    def __init__(self):
        self._external = external.ExternalBackend()

    def plan_create(self, instance, request):
        state = instance.state
        refusals = preflight.of_name(instance, request.name)
        if state.current is None:
            refusals.append('it has no snapshot yet; create one first')
        elif not all(instance.is_pristine(state.layers[disk.active])
                     for disk in state.disks.values()):
            refusals.append('its disks were written since the last snapshot; '
                            'create one of another kind')
        return model.Plan(
            verb='create', domain=instance.name, snapshots=(request.name,),
            kind=self.kind, refusals=tuple(refusals), data=request)

    def create(self, instance, plan):
        state, request = instance.state, plan.data
        marked = state.snapshots[state.current]
        snapshot = dataclasses.replace(
            marked, id=request.id, name=request.name, kind=self.kind,
            parent=marked.id, created_at=time.time(), safety=False,
            description=request.description, properties=request.properties)
        # The intent first. All that follows can be done again.
        instance.begin('create', self.kind, 'planned',
                       {'snapshot': state_file.to_plain(snapshot)})
        return self._finish(instance)

    def _finish(self, instance):
        snapshot = state_file.to_snapshot(instance.operation.data['snapshot'])
        marked = instance.state.snapshots[snapshot.parent]
        instance.make_folder().replace_file(
            view.xml_file(snapshot.id),
            view.saved_xml(instance, marked).encode())
        instance.finish(
            'committed', current=snapshot.id,
            snapshots={**instance.state.snapshots, snapshot.id: snapshot})
        view.sync(instance)
        return snapshot

    # A bookmark points at frozen layers, as an external snapshot does.

    def plan_revert(self, instance, request):
        return self._external.plan_revert(instance, request)

    def revert(self, instance, plan):
        return self._external.revert(instance, plan)

    def recover(self, instance):
        if instance.operation.verb == 'revert':
            return self._external.recover(instance)
        self._finish(instance)
        return 'finished'
