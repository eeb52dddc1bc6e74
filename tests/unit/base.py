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

"""What the unit tests share. They run as root and as a plain user."""

import os

import fixtures
import testtools

from snapdriver import directory

AS_ROOT = os.geteuid() == 0
# Root works for the owner of a directory, who is never root himself.
OWNER = 65534 if AS_ROOT else os.geteuid()


class TestCase(testtools.TestCase):
    def make_path(self, owner: int = OWNER) -> str:
        """An instance's directory, which its owner can reach."""
        outer = self.useFixture(fixtures.TempDir()).path
        os.chmod(outer, 0o755)
        path = os.path.join(outer, 'instance')
        os.mkdir(path)
        os.chmod(path, 0o755)
        if AS_ROOT:
            os.chown(path, owner, owner)
        return path

    def make_directory(self, owner: int = OWNER) -> directory.Directory:
        found = directory.Directory(self.make_path(owner))
        self.addCleanup(found.close)
        return found

    def write(self, where: directory.Directory, name: str,
              data: bytes = b'data') -> str:
        """A file of the directory's owner, mode 0600; returns its path."""
        path = os.path.join(where.path, name)
        with open(path, 'wb') as file:
            file.write(data)
        os.chmod(path, 0o600)
        if AS_ROOT:
            os.chown(path, where.uid, where.gid)
        return path

    def read(self, where: directory.Directory, name: str) -> bytes:
        with open(os.path.join(where.path, name), 'rb') as file:
            return file.read()

    def set_umask(self, mask: int) -> None:
        self.addCleanup(os.umask, os.umask(mask))
