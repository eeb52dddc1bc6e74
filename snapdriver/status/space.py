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

"""Is there room for snapshots?"""

import os

from oslo_upgradecheck import upgradecheck

from snapdriver.status import host as hosts
from snapdriver.status import verdict


def check(host: hosts.Host) -> upgradecheck.Result:
    least = max(one.min_free_percent for one in host.all_options)
    failures, texts = [], []
    for path in host.instances_paths:
        found = os.statvfs(path)
        percent = 100 * found.f_bavail // max(found.f_blocks, 1)
        texts.append(f'{percent} % of the file system of {path} is free')
        if found.f_bavail * 100 < found.f_blocks * least:
            failures.append(
                f'Only {percent} % of the file system of {path} is free, '
                f'and no snapshot is made below {least} %. Free some space, '
                'or lower min_free_percent.')
    return verdict.of(warnings=failures, fine='; '.join(texts) + '.'
                      if texts else 'There is no instances path.')
