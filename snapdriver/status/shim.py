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

"""Will nova-compute find the driver?

Nova looks in its own package only. What is tried is what nova-compute will
do, in a process of its own: Nova's modules have no place in this one.
"""

import importlib.util
import os
import subprocess
import sys

from oslo_upgradecheck import upgradecheck

from snapdriver.status import host as hosts
from snapdriver.status import nova_release
from snapdriver.status import novaconf
from snapdriver.status import verdict

_SHIM = os.path.join('virt', 'snapdriver', '__init__.py')
_TRY = ('from nova.virt import snapdriver; '
        'snapdriver.SnapshotLibvirtDriver')
_SECONDS = 120


def nova_directory() -> str | None:
    """Where the Nova of this Python lies; it is not imported."""
    found = importlib.util.find_spec('nova')
    if found is None or found.origin is None:
        return None  # or a mere directory of that name, as in our repository
    return os.path.dirname(found.origin)


def tried() -> str | None:
    """Why the driver cannot be imported; None if it can be."""
    # -P: no module of the working directory.
    done = subprocess.run(
        [sys.executable, '-P', '-c', _TRY], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=_SECONDS)
    if done.returncode == 0:
        return None
    return (done.stderr.strip().splitlines() or [
        f'exit code {done.returncode}'])[-1]


def check(host: hosts.Host) -> upgradecheck.Result:
    where = nova_directory()
    if where is None:
        return nova_release.absent(host)
    file = os.path.join(where, _SHIM)
    failures = []
    if not os.path.exists(file):
        failures.append(
            f'There is no {file}, by which Nova finds the driver. Install '
            'snapdriver\'s wheel for the same Python, not with "-e", or link '
            'its directory nova/virt/snapdriver there.')
    else:
        why = tried()
        if why is not None:
            failures.append(f'The driver cannot be imported: {why}')
    return verdict.of(failures, _of_conf(host),
                      fine=f'{os.path.dirname(file)} can be imported.')


def _of_conf(host: hosts.Host) -> list[str]:
    if host.nova_error is not None:
        return ['Nova\'s configuration cannot be read, so not all was '
                f'checked; run this as root or nova. {host.nova_error}']
    if host.nova is None:
        return []
    if not host.nova.is_ours:
        return [f'compute_driver in {host.nova.files[-1]} is '
                f'"{host.nova.compute_driver}". Servers get local snapshots '
                f'once it is "{novaconf.DRIVER}".']
    if host.nova.images_type not in ('default', 'qcow2'):
        return [f'[libvirt] images_type is "{host.nova.images_type}": only '
                'servers on "qcow2" get local snapshots.']
    return []
