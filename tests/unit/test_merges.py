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

"""Which layers can be merged, which way, and what is so afterwards."""

import dataclasses

import hypothesis
from hypothesis import strategies
import testtools

from snapdriver import chain
from snapdriver import jobs
from snapdriver import merges
from snapdriver import model
from tests.unit import samples

DOWN, UP = merges.Direction.DOWN, merges.Direction.UP
A, B, C, D = samples.A, samples.B, samples.C, samples.D
SIZES = {A: 40, B: 30, C: 20, D: 10}


def state(*found: model.Snapshot, **changes: object) -> model.State:
    """``a <- b <- c <- d (active)``, with those snapshots."""
    return samples.state(**{
        'disks': {'disk': samples.disk(D)}, 'current': None, 'jobs': {},
        'layers': samples.layers(
            samples.layer(A), samples.layer(B, A), samples.layer(C, B),
            samples.layer(D, C)),
        'snapshots': samples.snapshots(*found), 'operation': None} | changes)


def external(number: int, layer: str) -> model.Snapshot:
    return samples.snapshot(f'00000000-0000-4000-8000-00000000001{number}',
                            disk=layer)


def tag(number: int, layer: str) -> model.Snapshot:
    made = external(number, layer)
    return dataclasses.replace(made, kind='internal', disks={
        'disk': dataclasses.replace(made.disks['disk'], tag=made.name)})


class PossibleTest(testtools.TestCase):
    def ways(self, found: model.State, limited: bool = False,
             **sizes: int) -> list[tuple[str, str, str]]:
        return [(merge.lower, merge.upper, merge.direction.value)
                for merge in merges.possible(
                    found, (SIZES | sizes).__getitem__, limited)]

    def test_nothing_where_all_have_names(self) -> None:
        self.assertEqual([], self.ways(state(
            external(1, A), external(2, B), external(3, C))))

    def test_only_down_in_the_middle(self) -> None:
        self.assertEqual([(B, C, 'down')], self.ways(state(
            external(1, A), external(3, C))))

    def test_the_cheaper_way_at_the_top(self) -> None:
        top = state(external(1, A), external(2, B))
        self.assertEqual([(C, D, 'down')], self.ways(top))
        self.assertEqual([(C, D, 'up')], self.ways(top, **{D: 41}))

    def test_down_if_only_that_can_be_limited(self) -> None:
        self.assertEqual([(C, D, 'down')], self.ways(state(
            external(1, A), external(2, B)), limited=True, **{D: 41}))

    def test_the_cheapest_first(self) -> None:
        self.assertEqual([(C, D, 'down'), (B, C, 'down'), (A, B, 'down')],
                         self.ways(state()))

    def test_branches_wait_until_one_is_left(self) -> None:
        found = state(external(3, C))
        branched = dataclasses.replace(found, layers=dict(found.layers) | {
            samples.E0: samples.layer(samples.E0, B)})
        self.assertEqual([(A, B, 'down')], self.ways(branched))

    def test_a_tag_in_the_upper_forbids_both_ways(self) -> None:
        self.assertEqual([], self.ways(state(
            external(1, A), external(2, B), tag(3, D)), **{D: 99}))

    def test_a_tag_in_the_lower_leaves_down(self) -> None:
        self.assertEqual([(C, D, 'down')], self.ways(state(
            external(1, A), external(2, B), tag(3, C)), **{D: 99}))

    def test_a_tag_still_to_be_removed_is_one(self) -> None:
        job = model.Job(id=samples.JOB, type=jobs.UNTAG, disk='disk',
                        started_at=1.0, data={'layer': D, 'tag': 'x'})
        self.assertEqual([], self.ways(state(
            external(1, A), external(2, B), jobs={job.id: job})))

    def test_what_is_read_is_left_alone(self) -> None:
        job = model.Job(id=samples.JOB, type=jobs.EXPORT, disk='disk',
                        started_at=1.0, data={'pins': [B]})
        self.assertEqual([(C, D, 'down')], self.ways(state(
            jobs={job.id: job})))


class DoneTest(testtools.TestCase):
    def test_down(self) -> None:
        before = state(external(1, A), external(3, C))
        merge = merges.possible(before, SIZES.__getitem__)[0]
        after = merges.done(before, merge)
        self.assertEqual({A: None, B: A, D: B}, {
            layer.id: layer.parent for layer in after.layers.values()})
        self.assertEqual({A, B}, chain.named(after.snapshots.values()))
        self.assertIsNone(after.layers[B].fresh_bytes)
        self.assertEqual((C, B), (merge.gone, merge.kept))
        self.assertEqual({B, D}, set(merges.lifted(before, merge)))

    def test_down_from_the_active_layer(self) -> None:
        before = state(external(1, A), external(2, B))
        after = merges.done(before, merges.possible(
            before, SIZES.__getitem__)[0])
        self.assertEqual(C, after.disks['disk'].active)
        self.assertNotIn(D, after.layers)

    def test_up(self) -> None:
        before = state(external(1, A), external(2, B))
        merge = merges.possible(before, (SIZES | {D: 99}).__getitem__)[0]
        after = merges.done(before, merge)
        self.assertEqual({A: None, B: A, D: B}, {
            layer.id: layer.parent for layer in after.layers.values()})
        self.assertEqual((C, D), (merge.gone, merge.kept))
        self.assertEqual([D], list(merges.lifted(before, merge)))

    @hypothesis.given(strategies.sets(strategies.sampled_from([A, B, C])),
                      strategies.sets(strategies.sampled_from([A, B, C, D])),
                      strategies.permutations([10, 20, 30, 40]))
    def test_every_name_keeps_what_it_shows(
            self, named: set[str], tags: set[str],
            sizes: list[int]) -> None:
        """Merged until nothing is left to do, whatever has names.

        A layer's data is the set of those that were ever copied into it.
        """
        found = state(
            *(external(number, layer) for number, layer
              in enumerate(sorted(named))),
            *(tag(number, layer) for number, layer
              in enumerate(sorted(tags), 5)))
        held = dict(zip([A, B, C, D], sizes, strict=True))
        data = {layer: {layer} for layer in found.layers}

        def shown(now: model.State) -> dict[str, set[str]]:
            tops = {s.id: s.disks['disk'].layer
                    for s in now.snapshots.values() if s.kind == 'external'}
            tops['active'] = now.disks['disk'].active
            return {name: set().union(*(
                data[layer] for layer in chain.to_base(now.layers, top)))
                for name, top in tops.items()}

        before = shown(found)
        while ways := merges.possible(found, held.__getitem__):
            data[ways[0].kept] |= data[ways[0].gone]
            found = merges.done(found, ways[0])
            chain.check(found.layers)
            self.assertEqual(before, shown(found))
            self.assertEqual(tags, merges.tagged(found))
        if not tags:  # one layer for each name, and the active one
            self.assertEqual(len(named) + 1, len(found.layers))
