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

"""The operations: as a line of text, and chosen at random."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import random

from snapdriver.model import Power
from tests.functional.fuzz import oracle as oracles

#: What may happen between the death of a verb and the next one: nothing;
#: plain libvirt starts the domain, its guest writes and it is off again;
#: plain libvirt starts it and it runs; ``recover`` dies, too, again and
#: again; the next verb is another one than ``recover``.
AFTER_DEATH = ('now', 'ran', 'runs', 'dies', 'settle')

#: The verbs that may be killed.
KILLED = ('create', 'revert', 'delete', 'settle', 'merge', 'adopt')


@dataclasses.dataclass(frozen=True)
class Operation:
    """One operation, as ``12 revert to=s3 safety=no at=4 then=ran``.

    That is a revert in a process that dies at the fourth phase after the
    first; ``late=30`` would add that many milliseconds, and ``dies=libvirtd``
    lets libvirtd die instead.

    :ivar number: names what it makes: snapshot ``s12``, mark ``m12``. It is
        kept when others are left out of the list.
    :ivar details: the words after the first.
    """

    number: int
    word: str
    details: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        return ' '.join([str(self.number), self.word, *(
            f'{key}={value}' for key, value in self.details.items())])

    @classmethod
    def parse(cls, line: str) -> 'Operation':
        number, word, *details = line.split()
        return cls(int(number), word, dict(
            detail.split('=', 1) for detail in details))

    def get(self, key: str) -> str | None:
        return self.details.get(key)

    def names(self, key: str) -> list[str]:
        return [name for name in self.details.get(key, '').split(',') if name]

    def says(self, key: str) -> bool:
        return key in self.details

    @property
    def power(self) -> Power | None:
        return Power(self.details['power']) if self.says('power') else None

    @property
    def killed_at(self) -> int | None:
        """At which announced phase, counted from 0."""
        return int(self.details['at']) if self.says('at') else None


class Chooser:
    """Chooses what may be done next.

    :param kinds: of snapshots that can be made.
    :param merges: whether layers can be merged.
    :param libvirtd: whether libvirtd may be killed.
    """

    def __init__(self, source: random.Random, disks: Sequence[str],
                 kinds: Sequence[str], merges: bool, libvirtd: bool) -> None:
        self._random = source
        self._disks = disks
        # Of one kind only they meet what they seldom meet mixed.
        self._kinds = kinds if source.random() < 0.5 else [
            source.choice(list(kinds))]
        self._merges = merges
        self._may_kill_libvirtd = libvirtd

    def choose(self, number: int, oracle: oracles.Oracle,
               full: bool) -> Operation:
        """:param full: no more snapshots can be made."""
        weights = self._weights(oracle, full)
        word = self._random.choices(list(weights), list(weights.values()))[0]
        detail = getattr(self, f'_{word}', None)
        details: dict[str, str] = {} if detail is None else detail(oracle)
        # An adopt that settles the names first has not begun when it dies.
        mortal = word in KILLED and not (word == 'adopt' and oracle.up)
        if mortal and self._chance(0.3):
            details |= self._death()
        elif word in ('create', 'revert', 'delete') and self._chance(0.15):
            details['plan'] = 'yes'
        return Operation(number, word, details)

    def _weights(self, oracle: oracles.Oracle,
                 full: bool) -> dict[str, float]:
        has = bool(oracle.snapshots)
        weights = {
            'create': 2 if full else 7,
            'revert': 0 if not has else 1 if oracle.saved else 6,
            'delete': 0 if not has else 7 if full else 2,
            'wrong': 0.4, 'settle': 0.8, 'recover': 0.4, 'check': 0.4,
            'nova': 0.8,
            'merge': 0 if not self._merges else 5 if full else 1.5,
            'libvirtd': 0.8 if self._may_kill_libvirtd else 0,
            'adopt': 0 if oracle.saved else 0.4,
        }
        if oracle.up:
            weights |= {
                'write': 5, 'down': 1.5, 'die': 0.5, 'save': 0.7,
                'define': 0.5, 'pause': 0.7, 'resume': 0.7}
            weights['resume' if oracle.power is Power.RUNNING
                    else 'pause'] = 0
        else:
            weights['start'] = 5 if oracle.saved else 4
            weights['write'] = 0 if oracle.saved else 5
        return weights

    def _write(self, oracle: oracles.Oracle) -> dict[str, str]:
        memory = {'memory': str(self._random.randrange(1, 256))}
        return self._some_disks(0.5) | (
            memory if oracle.up and self._chance(0.6) else {})

    def _create(self, oracle: oracles.Oracle) -> dict[str, str]:
        kind = self._random.choice(list(self._kinds))
        some = self._some_disks(0.85) if kind == 'external' else {}
        return {'kind': kind} | some | self._blind(oracle)

    def _revert(self, oracle: oracles.Oracle) -> dict[str, str]:
        details = {'to': self._random.choice(list(oracle.snapshots))}
        if self._chance(0.5):
            details['safety'] = 'no'
        if self._chance(0.4):
            details['power'] = self._random.choice(list(Power)).value
        if (oracle.snapshots[details['to']].memory is not None
                and self._chance(0.3)):
            details['memory'] = 'no'
        return details | self._blind(oracle)

    def _delete(self, oracle: oracles.Oracle) -> dict[str, str]:
        if self._chance(0.05):
            return {'everything': 'yes'}
        labels = list(oracle.snapshots)
        count = min(len(labels), self._random.choice((1, 1, 1, 1, 2, 3)))
        details = {'of': ','.join(self._random.sample(labels, count))}
        if self._chance(0.15):
            details['children'] = 'yes'
        return details | self._blind(oracle)

    def _start(self, oracle: oracles.Oracle) -> dict[str, str]:
        return {'power': self._random.choice(('paused', 'running'))}

    def _nova(self, oracle: oracles.Oracle) -> dict[str, str]:
        """A hard reboot, which settles before or after the undefine."""
        return {'settle': self._random.choice(('before', 'between')),
                'power': self._random.choice(
                    ('shutoff', 'paused', 'running'))}

    def _wrong(self, oracle: oracles.Oracle) -> dict[str, str]:
        return {'what': self._random.choice(
            ('create', 'create', 'revert', 'delete', 'show'))}

    def _libvirtd(self, oracle: oracles.Oracle) -> dict[str, str]:
        return {'by': self._random.choice(('kill', 'term'))}

    def _death(self) -> dict[str, str]:
        death = {'at': str(self._random.randrange(12))}
        if self._may_kill_libvirtd and self._chance(0.4):
            death['late'] = str(self._random.randrange(1, 80))
        if self._may_kill_libvirtd and self._chance(0.3):
            return death | {'dies': 'libvirtd'}
        return death | {'then': self._random.choice(AFTER_DEATH)}

    def _blind(self, oracle: oracles.Oracle) -> dict[str, str]:
        """libvirt may have lost its list of our snapshots."""
        return {'blind': 'yes'} if self._chance(0.05) else {}

    def _some_disks(self, all_of_them: float) -> dict[str, str]:
        if self._chance(all_of_them):
            return {}
        return {'disks': self._random.choice(list(self._disks))}

    def _chance(self, probability: float) -> bool:
        return self._random.random() < probability
