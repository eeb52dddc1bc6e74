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

"""libvirt's QEMU driver inside this process: no daemon, no privileges."""

import threading

import libvirt

from tests.functional import host

_CONFIGURATION = """\
# Else QEMU's output goes through virtlogd, a daemon.
stdio_handler = "file"
security_driver = "none"
cgroup_controllers = []
namespaces = []
# The process that writes owners down complains, to stderr, when its clock and
# the machine's disagree by a second.
remember_owner = 0
"""


def connect() -> libvirt.virConnect:
    """Open the driver, which keeps all its files in the scratch directory."""
    root = host.ROOT / 'libvirt'
    (root / 'etc').mkdir(parents=True)
    (root / 'etc' / 'qemu.conf').write_text(_CONFIGURATION)
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(target=_serve_events, daemon=True).start()
    return libvirt.open(f'qemu:///embed?root={root}')


def _serve_events() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()
