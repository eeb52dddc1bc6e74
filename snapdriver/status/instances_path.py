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

"""Is the instances path one that layers can lie in, and the same for all?"""

import os

from oslo_upgradecheck import upgradecheck

from snapdriver.status import host as hosts
from snapdriver.status import verdict


def check(host: hosts.Host) -> upgradecheck.Result:
    ours = host.options.instances_path
    failures, warnings = [], []
    if host.nova is not None and os.path.realpath(
            host.nova.instances_path) != os.path.realpath(ours):
        warnings.append(
            f'nova-compute keeps instances in {host.nova.instances_path}, '
            f'and the command looks in {ours} for those that libvirt does '
            'not know. Set instances_path in [snapdriver] of '
            '/etc/snapdriver/snapdriver.conf to Nova\'s.')
    if host.nova is not None and not os.path.isdir(host.nova.instances_path):
        failures.append(f'{host.nova.instances_path} is not a directory, '
                        'and nova-compute keeps instances there.')
    for path in host.instances_paths:
        mount = host.file_systems.of(path)
        if not mount.has_links:
            failures.append(
                f'{path} is on {mount.type}, which has no hard links. Put '
                'instances on another file system.')
        if mount.is_shared:
            warnings.append(
                f'{path} is on {mount.type}, shared storage, with which '
                'snapdriver was not tested. Only the host that a state file '
                'names may change it: option "host" must differ on each '
                'host.')
        if os.stat(path).st_uid == 0 and host.is_compute:
            failures.append(
                f'{path} belongs to root, and nova-compute is not root. '
                'Give it to Nova\'s user.')
    fine = (f'Instances are in {", ".join(host.instances_paths)}.'
            if host.instances_paths else
            f'There is no {ours}, and no Nova that would need it.')
    return verdict.of(failures, warnings, fine)
