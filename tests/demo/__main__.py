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

"""``tools/demo`` runs this, in a scratch directory or in a sandbox."""

import argparse
import contextlib
import logging
import os
import signal
import sys
import time

import libvirt

import snapdriver
from tests.demo import embedded
from tests.demo import screen
from tests.demo import story
from tests.functional import host


def main() -> int:
    parser = argparse.ArgumentParser(prog='python -m tests.demo')
    parser.add_argument('--system', action='store_true',
                        help='on qemu:///system instead of in this process')
    system = parser.parse_args().system
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    logging.getLogger().addHandler(logging.NullHandler())  # no noise
    start = time.monotonic()
    _configure()
    try:
        with contextlib.ExitStack() as after:
            connection = (libvirt.open(host.URI) if system
                          else embedded.connect())
            after.callback(connection.close)
            _introduce(connection, system)
            told = story.Story(connection, virsh=system)
            after.callback(told.close)
            told.tell()
    except (story.Wrong, AssertionError, snapdriver.SnapdriverError,
            libvirt.libvirtError) as wrong:
        screen.failed(str(wrong))
        return 1
    except KeyboardInterrupt:
        screen.say('\ninterrupted')
        return 130
    screen.say('\nEverything is removed. It took '
               f'{time.monotonic() - start:.0f} s.')
    return 0


def _configure() -> None:
    """A configuration of our own: not the machine's, and no limits."""
    home = host.ROOT / 'home'
    (home / '.snapdriver').mkdir(parents=True, exist_ok=True)
    (home / '.snapdriver' / 'snapdriver.conf').write_text(
        '[snapdriver]\nmin_free_percent = 0\n'
        f'instances_path = {host.ROOT / "instances"}\n')
    os.environ['HOME'] = str(home)
    os.environ['CLIFF_MAX_TERM_WIDTH'] = str(screen.WIDTH)


def _introduce(connection: libvirt.virConnect, system: bool) -> None:
    where = ('a libvirtd of its own' if system
             else 'libvirt inside this process, without any daemon')
    screen.title(
        f'snapdriver on {where}: libvirt {_dotted(connection.getLibVersion())}'
        f', QEMU {_dotted(connection.getVersion())}')
    screen.say('(The times are those of the verbs. The command itself takes '
               'some 0.3 s to start.)')


def _dotted(number: int) -> str:
    return f'{number // 1000000}.{number // 1000 % 1000}.{number % 1000}'


if __name__ == '__main__':
    sys.exit(main())
