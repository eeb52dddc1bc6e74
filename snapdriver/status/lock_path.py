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

"""Do locks hold between all who take them, and between no others?

Ours lie in the instances' own directories, so that nova-compute, the command
and other hosts that see a directory have one and the same. Nova's own lie in
its lock_path, which is for one host.
"""

import os

from oslo_upgradecheck import upgradecheck

from snapdriver.status import host as hosts
from snapdriver.status import verdict


def check(host: hosts.Host) -> upgradecheck.Result:
    failures, warnings = [], []
    for path in host.instances_paths:
        mount = host.file_systems.of(path)
        if mount.is_shared and mount.locks_are_local:
            failures.append(
                f'{path} is on {mount.type}, mounted so that a lock holds on '
                'this host only: two hosts could change one instance at '
                'once. Mount it without "nolock", "local_lock" and "nobrl".')
    novas = None if host.nova is None else host.nova.lock_path
    if novas is not None and host.file_systems.of(novas).is_shared:
        warnings.append(
            f'lock_path of Nova, {novas}, is on shared storage: hosts wait '
            'for each other. Put it on a local file system; snapdriver has '
            'no lock there.')
    if novas is not None and (
            os.path.realpath(novas) in host.instances_paths):
        warnings.append(
            f'lock_path of Nova, {novas}, is the instances path itself. Give '
            'it a directory of its own.')
    return verdict.of(
        failures, warnings,
        'One lock an instance, in its own directory; none in Nova\'s '
        'lock_path.')
