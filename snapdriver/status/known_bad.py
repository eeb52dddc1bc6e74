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

"""Versions of libvirt and QEMU that are known to break a verb.

From libvirt's release notes, QEMU's issues and our own measurements. What
snapdriver does in its own way whatever the version is not listed: libvirt's
own revert and deletion of external snapshots, and overlays that it makes
itself (CVE-2025-13193).
"""

from collections.abc import Iterable
import dataclasses
from typing import Any

from oslo_upgradecheck import upgradecheck

from snapdriver.status import hypervisor
from snapdriver.status import verdict

#: The most layers with which libvirt 10.8 to 11.10 starts a domain.
DEEPEST = 24


@dataclasses.dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with some versions.

    :ivar since: the first bad version.
    :ivar before: the first good one after it; None if there is none yet.
    :ivar fatal: snapdriver must not be used with it.
    :ivar deeper: only if option max_chain_depth exceeds this.
    """

    since: tuple[int, ...]
    before: tuple[int, ...] | None
    text: str
    fatal: bool = False
    deeper: int | None = None

    def is_in(self, version: hypervisor.Version,
              options: Iterable[Any]) -> bool:
        """:param options: group [snapdriver], of each who reads one."""
        if self.deeper is not None and all(
                one.max_chain_depth <= self.deeper for one in options):
            return False
        return self.since <= version and (
            self.before is None or version < self.before)


def judge(name: str, version: hypervisor.Version, flaws: Iterable[Flaw],
          options: Iterable[Any]) -> upgradecheck.Result:
    """What is known of a version.

    :param name: of the program.
    :param options: see :meth:`Flaw.is_in`.
    """
    title = f'{name} {hypervisor.text(version)}'
    found = [flaw for flaw in flaws if flaw.is_in(version, options)]
    return verdict.of(
        failures=[f'{title}: {flaw.text}' for flaw in found if flaw.fatal],
        warnings=[f'{title}: {flaw.text}' for flaw in found
                  if not flaw.fatal],
        fine=title)


LIBVIRT = (
    Flaw((0,), (8, 0), 'It is older than 8.0, the oldest that Nova 31 to 34 '
         'work with. Upgrade it.', fatal=True),
    Flaw((8, 0), (9, 0), 'snapdriver was not tested with one older than '
         '9.0. Test each verb on a server of your own, or upgrade it.'),
    Flaw((10, 8), (12, 0), f'With more than {DEEPEST} layers on one disk it '
         'cannot start a domain, and a restart of its daemon ends one that '
         f'runs. Set max_chain_depth to {DEEPEST} or less, or upgrade to '
         '12.0.', fatal=True, deeper=DEEPEST),
    Flaw((11, 2), (11, 4), 'As it was released it cannot revert to the '
         'memory of an internal snapshot; external ones are not concerned. '
         'Debian 13\'s 11.3.0 was tested and can. With any other, try '
         '"snapdriver snapshot revert" of an internal snapshot first, or '
         'upgrade to 11.4.'),
)

QEMU = (
    Flaw((0,), (6, 2), 'It is older than 6.2, the oldest that Nova 31 to 34 '
         'work with. Upgrade it.', fatal=True),
    Flaw((6, 2), (7, 2), 'snapdriver was not tested with one older than '
         '7.2. Test each verb on a server of your own, or upgrade it.'),
    Flaw((8, 1), (8, 2), 'Writing the memory of a guest was reported to be '
         'many times slower than before (QEMU issue 1821): the guest stands '
         'still meanwhile. Time an internal snapshot before tenants do, or '
         'upgrade to 8.2.'),
    Flaw((10, 0), (10, 0, 8), 'Busy databases in guests were reported to '
         'find damaged data after overlays had been made and merged (QEMU '
         'issue 3273; the cause was not known to us, and our tests saw '
         'nothing of it). Upgrade it, and keep backups of such servers.'),
)
