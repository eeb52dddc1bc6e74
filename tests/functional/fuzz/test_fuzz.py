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

"""Random operations on a machine, and an oracle that knows better.

A failure tells its seed. ``SNAPDRIVER_FUZZ_SEED=... tools/test functional
fuzz`` plays the same again, ``tools/test fuzz`` plays for longer.
"""

import os
import random

from tests.functional.fuzz import base

#: Operations of each test.
COUNT = 60


def first_seed() -> int:
    """The seed of the first test."""
    return int(os.environ.get('SNAPDRIVER_FUZZ_SEED')
               or random.SystemRandom().randrange(1 << 32))


class TestFuzz(base.FuzzTest):

    def test_first(self) -> None:
        self.play(0)

    def test_second(self) -> None:
        self.play(1)

    def test_third(self) -> None:
        self.play(2)

    def test_fourth(self) -> None:
        self.play(3)

    def play(self, index: int) -> None:
        self.play_seed(first_seed() + index, COUNT)
