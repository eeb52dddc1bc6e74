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

"""Is the Nova beside us one that the driver is made for?"""

from importlib import metadata

from oslo_upgradecheck import upgradecheck

from snapdriver.status import host as hosts
from snapdriver.status import verdict

#: Major versions: 2025.1 to 2026.2.
OLDEST, NEWEST = 31, 34
_TESTED = 34


def installed() -> str | None:
    """The version of the Nova of this Python; it is not imported."""
    try:
        return metadata.version('nova')
    except metadata.PackageNotFoundError:
        return None


def check(host: hosts.Host) -> upgradecheck.Result:
    version = installed()
    if version is None:
        return absent(host)
    major = version.partition('.')[0]
    if not major.isdecimal() or not OLDEST <= int(major) <= NEWEST:
        return verdict.of(failures=[
            f'Nova {version} is none of {OLDEST} to {NEWEST}, which the '
            'driver overrides methods of. Use "compute_driver = '
            'libvirt.LibvirtDriver", or a snapdriver that knows it.'])
    if int(major) != _TESTED:
        return verdict.of(warnings=[
            f'Nova {version}: only Nova\'s own tests of its driver were run '
            f'with it; everything else was run with {_TESTED}.'])
    return verdict.of(fine=f'Nova {version}')


def absent(host: hosts.Host) -> upgradecheck.Result:
    """What it means that this Python has no Nova."""
    if host.is_compute:
        return verdict.of(warnings=[
            'Not checked: nova.conf names our driver, and Nova is not '
            'installed for the Python that runs this check. Run the '
            'snapdriver-status that lies beside nova-compute.'])
    return verdict.of(fine='Nova is not here.')
