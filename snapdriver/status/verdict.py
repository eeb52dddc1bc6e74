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

"""Putting together what one check has found."""

from collections.abc import Sequence

from oslo_upgradecheck import upgradecheck

_SHOWN = 5


def of(failures: Sequence[str] = (), warnings: Sequence[str] = (),
       fine: str | None = None) -> upgradecheck.Result:
    """The worst of it, with every sentence that was found.

    :param failures: what must be put right.
    :param warnings: what should be looked at.
    :param fine: what to say if there is nothing else to say.
    """
    if failures:
        code = upgradecheck.Code.FAILURE
    elif warnings:
        code = upgradecheck.Code.WARNING
    else:
        return upgradecheck.Result(upgradecheck.Code.SUCCESS, fine)
    return upgradecheck.Result(code, ' '.join([*failures, *warnings]))


def some(things: Sequence[str]) -> str:
    """The first few of them, and how many more there are."""
    text = ', '.join(things[:_SHOWN])
    more = len(things) - _SHOWN
    return f'{text} and {more} more' if more > 0 else text
