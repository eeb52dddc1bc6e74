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

"""A file that a collector reads at any time: the old one or the new one."""

import contextlib
import os

#: The collector is another user, and nothing in it is secret.
_MODE = 0o644


def write(path: str, data: bytes) -> None:
    """Replace the file.

    The collector reads ``*.prom``, and so not what is half written.

    :raises OSError: it is as it was.
    """
    new = f'{path}.{os.getpid()}.new'
    with contextlib.suppress(FileNotFoundError):
        os.unlink(new)  # of a process that was killed, with this number
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL
                          | os.O_CLOEXEC, _MODE), 'wb') as file:
            os.fchmod(file.fileno(), _MODE)  # whatever the umask is
            file.write(data)
        os.replace(new, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise
