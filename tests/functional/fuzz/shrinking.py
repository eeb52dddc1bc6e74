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

"""Making a failing list of operations shorter."""

from collections.abc import Callable
from collections.abc import Sequence
from typing import TypeVar

_T = TypeVar('_T')


def shrink(items: Sequence[_T],
           fails: Callable[[Sequence[_T]], bool]) -> list[_T]:
    """Leave out as many as possible; what is left still fails.

    First large parts, then ever smaller ones, then each alone.
    """
    kept = list(items)
    size = max(1, len(kept) // 2)
    while True:
        start = 0
        shorter = False
        while start < len(kept):
            tried = kept[:start] + kept[start + size:]
            if fails(tried):
                kept, shorter = tried, True
            else:
                start += size
        if size == 1 and not shorter:
            return kept
        size = max(1, size // 2)
