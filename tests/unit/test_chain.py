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

"""The tree of layers and of snapshots."""

import dataclasses

import hypothesis
from hypothesis import strategies
import testtools

from snapdriver import chain
from tests.unit import samples

# a <- b <- c <- d, and a branch b <- x <- y
TREE = samples.layers(
    samples.layer('d', 'c'), samples.layer('x', 'b'), samples.layer('a'),
    samples.layer('y', 'x'), samples.layer('c', 'b'), samples.layer('b', 'a'))


@strategies.composite
def _trees(draw: strategies.DrawFn) -> dict[str, str | None]:
    """Parents of a sound tree, in any order."""
    count = draw(strategies.integers(min_value=1, max_value=12))
    parents: dict[str, str | None] = {}
    for number in range(count):
        parents[str(number)] = draw(strategies.sampled_from(
            [None, *map(str, range(number))]))
    return dict(draw(strategies.permutations(list(parents.items()))))


class CheckTest(testtools.TestCase):
    def test_sound(self) -> None:
        chain.check({})
        chain.check(TREE)
        chain.check(samples.layers(samples.layer('a'), samples.layer('b')))

    def test_missing_parent(self) -> None:
        for parent in ('gone', ''):
            self.assertRaises(ValueError, chain.check, samples.layers(
                samples.layer('a'), samples.layer('b', parent)))

    def test_cycles(self) -> None:
        for parents in ({'a': 'a'}, {'a': 'b', 'b': 'a'},
                        {'a': None, 'b': 'd', 'c': 'b', 'd': 'c'}):
            self.assertRaises(ValueError, chain.check_parents, parents)

    def test_a_parent_of_another_disk(self) -> None:
        self.assertRaises(ValueError, chain.check, samples.layers(
            samples.layer('a'), samples.layer('b', 'a', disk='disk.eph0')))

    @hypothesis.given(_trees(), strategies.data())
    def test_any_cycle_is_found(self, parents: dict[str, str | None],
                                data: strategies.DataObject) -> None:
        chain.check_parents(parents)
        top = data.draw(strategies.sampled_from(sorted(parents)))
        below = [top]
        while (parent := parents[below[-1]]) is not None:
            below.append(parent)
        low = data.draw(strategies.sampled_from(below))
        self.assertRaises(ValueError, chain.check_parents,
                          parents | {low: top})

    @hypothesis.given(_trees(), strategies.data())
    def test_any_missing_parent_is_found(
            self, parents: dict[str, str | None],
            data: strategies.DataObject) -> None:
        child = data.draw(strategies.sampled_from(sorted(parents)))
        self.assertRaises(ValueError, chain.check_parents,
                          parents | {child: 'gone'})


class LayersTest(testtools.TestCase):
    def test_to_base(self) -> None:
        self.assertEqual(['d', 'c', 'b', 'a'], chain.to_base(TREE, 'd'))
        self.assertEqual(['y', 'x', 'b', 'a'], chain.to_base(TREE, 'y'))
        self.assertEqual(['a'], chain.to_base(TREE, 'a'))
        self.assertEqual((4, 1),
                         (chain.depth(TREE, 'y'), chain.depth(TREE, 'a')))

    def test_children(self) -> None:
        self.assertEqual({'x', 'c'}, set(chain.children(TREE, 'b')))
        self.assertEqual([], chain.children(TREE, 'y'))

    def test_named(self) -> None:
        self.assertEqual({'a', 'b', 'e'}, chain.named([
            samples.snapshot('1', disk='a', other='e'),
            samples.snapshot('2', disk='b', other='e')]))

    def test_unneeded_is_uppermost_first(self) -> None:
        self.assertEqual([], chain.unneeded(TREE, ['d', 'y']))
        self.assertEqual(['y', 'x'], chain.unneeded(TREE, ['d']))
        self.assertEqual(['d', 'c'], chain.unneeded(TREE, ['y']))
        self.assertEqual(['b', 'a'], chain.unneeded(TREE, [])[-2:])

    @hypothesis.given(_trees(), strategies.data())
    def test_unneeded_never_leaves_anything_dangling(
            self, parents: dict[str, str | None],
            data: strategies.DataObject) -> None:
        layers = samples.layers(*(
            samples.layer(one, parent) for one, parent in parents.items()))
        needed = data.draw(strategies.lists(
            strategies.sampled_from(sorted(parents))))
        left = dict(layers)
        for gone in chain.unneeded(layers, needed):
            self.assertEqual([], chain.children(left, gone))
            del left[gone]
            chain.check(left)
        self.assertLessEqual(set(needed), set(left))
        for kept in left:
            self.assertTrue(any(kept in chain.to_base(left, one)
                                for one in needed))

    def test_hidden_and_frozen(self) -> None:
        state = samples.state(
            layers=TREE, disks={'disk': samples.disk('d')},
            snapshots=samples.snapshots(samples.snapshot('1', disk='y')))
        self.assertEqual(['a', 'b'], chain.hidden(state)[:2])
        self.assertEqual({'a', 'b', 'c', 'x'}, set(chain.hidden(state)))
        self.assertEqual({'a', 'b', 'c', 'x', 'y'}, set(chain.frozen(state)))


class SnapshotsTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        # 1 <- 2 <- 4 and 1 <- 3; 5 is another root. Children come first.
        self.tree = samples.snapshots(
            samples.snapshot('4', '2', frozen_at=4.0),
            samples.snapshot('5', frozen_at=5.0),
            samples.snapshot('3', '1', frozen_at=3.0),
            samples.snapshot('2', '1', frozen_at=2.0),
            samples.snapshot('1', frozen_at=1.0))

    def test_descendants(self) -> None:
        self.assertEqual(['2', '3', '4'],
                         sorted(chain.descendants(self.tree, '1')))
        self.assertEqual(['4'], chain.descendants(self.tree, '2'))
        self.assertEqual([], chain.descendants(self.tree, '5'))

    def test_parents_first_and_older_siblings_first(self) -> None:
        self.assertEqual(
            ['1', '2', '3', '4', '5'],
            [one.id for one in chain.parents_first(self.tree)])

    def test_names_decide_between_roots_of_one_moment(self) -> None:
        twins = samples.snapshots(samples.snapshot('1', name='b'),
                                  samples.snapshot('2', name='a'))
        self.assertEqual(
            ['a', 'b'], [one.name for one in chain.parents_first(twins)])

    @hypothesis.given(_trees(), strategies.data())
    def test_every_parent_is_before_its_children(
            self, parents: dict[str, str | None],
            data: strategies.DataObject) -> None:
        tree = {one: samples.snapshot(
            one, parent, frozen_at=data.draw(strategies.floats(0, 9)))
            for one, parent in parents.items()}
        seen: set[str] = set()
        for snapshot in chain.parents_first(tree):
            self.assertTrue(snapshot.parent is None
                            or snapshot.parent in seen)
            seen.add(snapshot.id)
        self.assertEqual(set(parents), seen)

    def test_nearest(self) -> None:
        self.assertEqual('4', chain.nearest(self.tree, '4', ['2']))
        self.assertEqual('1', chain.nearest(self.tree, '4', ['4', '2']))
        self.assertIsNone(chain.nearest(self.tree, '4', ['4', '2', '1']))
        self.assertIsNone(chain.nearest(self.tree, None, ['1']))

    def test_without(self) -> None:
        self.assertEqual({'1': None, '3': '1', '4': '1', '5': None},
                         chain.without(self.tree, ['2']))
        self.assertEqual({'4': None, '5': None},
                         chain.without(self.tree, ['1', '2', '3']))

    @hypothesis.given(_trees(), strategies.data())
    def test_what_remains_is_a_sound_tree(
            self, parents: dict[str, str | None],
            data: strategies.DataObject) -> None:
        tree = {one: samples.snapshot(one, parent)
                for one, parent in parents.items()}
        gone = data.draw(strategies.sets(
            strategies.sampled_from(sorted(parents))))
        left = chain.without(tree, gone)
        self.assertEqual(set(parents) - gone, set(left))
        chain.check_parents(left)
        remaining = {one: dataclasses.replace(tree[one], parent=parent)
                     for one, parent in left.items()}
        for one in left:
            self.assertEqual(
                set(chain.descendants(tree, one)) - gone,
                set(chain.descendants(remaining, one)))


class DropTest(testtools.TestCase):
    """Snapshots that go, and the layers that nothing needs any more."""

    def test_what_others_stand_on_stays(self) -> None:
        after = chain.drop(samples.state(), [samples.S1])
        self.assertEqual([samples.S2], list(after.snapshots))
        self.assertIsNone(after.snapshots[samples.S2].parent)
        self.assertEqual(samples.S2, after.current)
        self.assertEqual(samples.state().layers, after.layers)

    def test_a_branch_goes_with_its_name(self) -> None:
        before = samples.state()
        branch = samples.layer(samples.D, samples.A)
        named = samples.snapshot('00000000-0000-4000-8000-000000000003',
                                 samples.S1, disk=samples.D)
        state = dataclasses.replace(
            before, layers=before.layers | {branch.id: branch},
            snapshots=before.snapshots | {named.id: named})
        self.assertEqual(before, chain.drop(state, [named.id]))

    def test_the_mark_goes_to_the_nearest(self) -> None:
        self.assertEqual(
            samples.S1, chain.drop(samples.state(), [samples.S2]).current)
        self.assertIsNone(chain.drop(
            samples.state(), [samples.S1, samples.S2]).current)
