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

"""What the snapshot of what is active before a revert shall be called."""

import time

from snapdriver import model
from snapdriver import naming


def request(state: model.State,
            revert: model.RevertRequest) -> model.CreateRequest:
    """As it was asked for; else a free name that tells the time."""
    if revert.safety_as is not None:
        return revert.safety_as
    name = naming.free_name(
        f'safety-{naming.default_snapshot_name(time.time())}',
        {snapshot.name for snapshot in state.snapshots.values()})
    return model.CreateRequest(
        name=name, id=naming.new_snapshot_id(), kind=revert.snapshot.kind,
        description=f'Before the revert to {revert.snapshot.name}')
