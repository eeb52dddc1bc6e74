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

"""A guest whose directory is a small file system, to be filled up."""

from collections.abc import Callable
from collections.abc import Iterable
import contextlib
import os
import pathlib

import libvirt

from tests.functional import guest as guests
from tests.functional import host
from tests.functional.faults import base

_BLOCK = 4096
#: What is left to a verb, in bytes; at last more than it writes: state, XML,
#: 192 KiB for an overlay. By the block where it writes small files.
LEFT = (
    *range(0, 6 * _BLOCK, _BLOCK), *range(8 * _BLOCK, 46 * _BLOCK, 8 * _BLOCK),
    *range(46 * _BLOCK, 56 * _BLOCK, _BLOCK), 80 * _BLOCK)


class SmallDiskTest(base.FaultTest):
    """Helpers: there is no test here."""

    def leave_ever_more(self, guest: guests.Guest, verb: Callable[[], bool],
                        rooms: Iterable[int] = LEFT) -> None:
        """Try with 0, 4, 8, ... KiB, until it works; look after each."""
        failures = 0
        for left in rooms:
            self.fill(guest, left)
            if verb():
                break
            failures += 1
            self.empty(guest)
            self.manager.recover(guest.name)
            self.assert_sound(guest)
            if not guest.dom.isActive():
                self.try_boot(guest)
        else:
            self.fail('never enough')
        self.assertGreater(failures, 0)
        self.empty(guest)

    # The file system.

    def guest_on_small_disk(self) -> guests.Guest:
        """A guest whose directory is a file system of 24 MiB."""
        guest = guests.Guest(self, size='16M')
        image = host.ROOT / 'home' / f'{guest.name}.ext4'
        self.addCleanup(image.unlink)
        self.addCleanup(host.as_root, 'umount', '-l', guest.directory)
        self.addCleanup(self.stop, guest)
        owner = guest.directory.stat()
        with open(image, 'wb') as file:
            file.truncate(24 << 20)
        # Nothing is kept for root, who else could write to the last block.
        host.run('mkfs.ext4', '-q', '-b', str(_BLOCK), '-m', '0', '-E',
                 f'root_owner={owner.st_uid}:{owner.st_gid}', image)
        there = host.ROOT / 'home' / f'{guest.name}.mounted'
        there.mkdir()
        host.as_root('sh', '-ec', '''
            mount -o loop "$1" "$3"
            rmdir "$3/lost+found"
            cp -a "$2"/. "$3"
            umount "$3"
            rmdir "$3"
            mount -o loop "$1" "$2"
            ''', '-', image, guest.directory, there)
        return guest.define()

    def stop(self, guest: guests.Guest) -> None:
        with contextlib.suppress(libvirt.libvirtError):
            guest.destroy()

    def fill(self, guest: guests.Guest, left: int) -> None:
        """Leave that many bytes of the instance's file system, or less."""
        self.empty(guest)
        os.sync()
        filler = self.filler(guest)
        host.as_root('sh', '-c', """
            free=$(stat -f -c %a "$1")
            fallocate -l $(((free - 1) * 4096 - $3)) "$2"
            """, '-', guest.directory, filler, str(left), check=False)

        def is_full() -> bool:
            # What others have freed is there only after the next commit.
            host.as_root('sh', '-c', 'head -c 4096 /dev/zero >> "$1"; '
                         'sync -f "$1"', '-', filler, check=False)
            return self.room(guest) <= left

        if self.room(guest) > left:
            host.wait_until(is_full, f'{left} bytes are left')

    def room(self, guest: guests.Guest) -> int:
        found = os.statvfs(guest.directory)
        return found.f_bavail * found.f_frsize

    def empty(self, guest: guests.Guest) -> None:
        host.as_root('rm', '-f', self.filler(guest))

    def filler(self, guest: guests.Guest) -> pathlib.Path:
        return guest.directory / 'filler'
