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

"""An error as one line."""

import libvirt
from oslo_config import cfg

from snapdriver import exception


class UsageError(Exception):
    """A mistake in the command line: exit code 2."""


_EXPECTED = (exception.SnapdriverError, UsageError, cfg.Error, OSError,
             ValueError)


def message(error: BaseException) -> str:
    """What to print: one line, without anything that moves a cursor."""
    text = one_line(str(error))
    if isinstance(error, libvirt.libvirtError):
        return f'libvirt: {text}'
    if isinstance(error, _EXPECTED) and text:
        return text
    return (f'unexpected {type(error).__name__}: {text} (--debug shows '
            'where)')


def one_line(text: str) -> str:
    return ''.join(
        char if char.isprintable() else ascii(char)[1:-1]
        for char in ' '.join(text.split()))
