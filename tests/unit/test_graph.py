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

"""What the pictures of layers and snapshots say."""

import dataclasses
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET

from snapdriver import dot
from snapdriver import graph
from snapdriver import jobs
from snapdriver import model
from snapdriver import state as state_file
from tests.unit import base
from tests.unit import samples

_NASTY = ('a "b" \\N \\" & &amp; <B>c</B>\nd\te \\', '</TD></TABLE>>];}',
          'd\u00e9j\u00e0 \u65e5\u672c \U0001f600', '\\', '"', '-->', '&#60;',
          '\x7f\x9b31m \u202e', '*' * 4096, '"' * 4096)


class TestDot(base.TestCase):
    def test_texts(self):
        for text, expected in (
                ('plain', 'plain'), ('a\n b\t', 'a b'), ('"', '&quot;'),
                ('\\N', '\u2216N'), ('<B>&amp;', '&lt;B&gt;&amp;amp;'),
                ('\x1b', '\u2216x1b'), ('\udc80', '\u2216udc80'),
                ('\u00e9\U0001f600', '\u00e9\U0001f600')):
            self.assertEqual(expected, dot.escaped(text))

    def test_nothing_ends_a_string_or_a_label(self):
        for text in _NASTY:
            self.assertNotRegex(dot.escaped(text), r'["<>\\\n]')

    def test_shortened(self):
        self.assertEqual('abc', dot.shortened('abc', 3))
        self.assertEqual('a b...', dot.shortened('a\n\nb cde', 6))

    def test_statements(self):
        self.assertEqual('"a" [label=<b>, shape="box"];',
                         dot.node('a', dot.lines('', 'b', ''), shape='box'))
        self.assertEqual('"a" -> "b" [];', dot.edge('a', 'b'))
        self.assertEqual('"a" -> "b":"p" [color="red", style="bold"];',
                         dot.edge('a', 'b', 'p', color='red', style='bold'))
        self.assertEqual(
            ['subgraph "c" {', '  graph [rank="same"];', '}'],
            dot.subgraph('c', [dot.defaults('graph', rank='same')]))


class GraphTestCase(base.TestCase):
    def draw(self, power=None, sizes=None, **changes):
        """Of the sample state, where nothing is in progress."""
        state = samples.state(**{'operation': None, 'jobs': {}} | changes)
        self.assertEqual(state, state_file.loads(state_file.dumps(state)))
        self.drawn = graph.draw(state, power, sizes)
        return self.drawn

    def statement(self, start):
        """The one that begins so."""
        found = [line.strip() for line in self.drawn.splitlines()
                 if line.strip().startswith(start)]
        self.assertEqual(1, len(found), self.drawn)
        return found[0]

    def assert_says(self, start, *parts):
        for part in parts:
            self.assertIn(part, self.statement(start))


class TestGraph(GraphTestCase):
    def test_files(self):
        self.draw()
        for upper, lower in ((samples.C, samples.B), (samples.B, samples.A),
                             (samples.E1, samples.E0)):
            self.statement(f'"layer {upper}" -> "layer {lower}" ')
        for lowest in (samples.A, samples.E0):
            self.statement(f'"layer {lowest}" -> "base 0" ')
        self.assert_says('"base 0" [', '<B>0123abcd</B>', 'not ours',
                         'tooltip="/srv/_base/0123abcd"', 'dashed')
        self.assert_says(f'"layer {samples.A}" [', 'frozen', 'solid',
                         f'<B>disk.layer-{samples.A}</B>')
        self.assert_says(f'"layer {samples.C}" [', '>active<', 'bold')
        self.assertEqual(2, self.drawn.count('subgraph "cluster'))
        self.assertIn('vda: disk.eph0', self.drawn)
        self.assertNotIn('merge', self.draw(snapshots=samples.snapshots(
            samples.snapshot(samples.S1, disk=samples.A),
            samples.snapshot(samples.S2, samples.S1, disk=samples.B,
                             **{'disk.eph0': samples.E0}))))

    def test_names(self):
        self.draw(sizes={samples.S1: '5.0 MiB'})
        first, second = (f'"snapshot {identity}"' for identity
                         in (samples.S1, samples.S2))
        self.assert_says(f'{first} [', '<B>snap-0001</B><BR/>external, '
                         'quiesced<BR/>2023-11-14 22:13 UTC, 5.0 MiB>',
                         'style="filled"')
        self.statement(f'{first} -> "layer {samples.A}" ')
        self.assert_says(
            f'{second} [', '</B>, current, safety<BR/>internal, memory<BR/>',
            '<I>d\u00e9j\u00e0 &lt;vu&gt;</I>', 'style="filled,bold"')

    def test_tags(self):
        self.draw()
        self.assert_says(f'"layer {samples.B}" [', 'PORT="tag0"',
                         f'tag {samples.S2}<')
        self.statement(f'"snapshot {samples.S2}" -> "layer {samples.B}":"tag0"'
                       ' ')
        self.statement(f'"snapshot {samples.S2}" -> "layer {samples.E0}" ')

    def test_a_tag_that_is_still_to_be_removed(self):
        self.draw(jobs={'x': model.Job(
            id='x', type=jobs.UNTAG, disk='disk', started_at=1.0,
            data={'layer': samples.B, 'tag': 'old'})})
        self.assert_says(f'"layer {samples.B}" [', 'tag old, deleted<',
                         f'tag {samples.S2}<')
        self.assertIn(f'"layer {samples.B}":"tag1"', self.drawn)

    def test_the_domain(self):
        for power, said, writes in (
                (model.Power.RUNNING, '>running>', '"writes"'),
                (model.Power.PAUSED, '>paused>', '"writes"'),
                (model.Power.SHUTOFF, '>shut off>', '"would write"'),
                (None, '>not known to run>', '"writes"')):
            self.draw(power)
            self.assert_says('"domain" [', '<B>web</B>', said.strip('>'),
                             f'{samples.UUID} on one')
            self.assert_says(f'"domain" -> "layer {samples.C}" ', writes)
            self.statement(f'"domain" -> "layer {samples.E1}" ')

    def test_nothing_is_known(self):
        self.drawn = graph.draw(model.State(samples.UUID, 'web', 'one'))
        self.assert_says('"domain" [', 'no snapshots')
        self.assertNotIn('->', self.drawn)

    def test_no_base(self):
        self.draw(disks={'disk': dataclasses.replace(
            samples.disk(samples.C), base=None, base_format=None),
            'disk.eph0': samples.disk(samples.E1, 'disk.eph0')})
        self.assertNotIn(f'"layer {samples.A}" ->', self.drawn)

    def test_what_was_interrupted(self):
        self.draw(operation=samples.state().operation)
        self.assert_says('graph [label=<<B>unfinished: create, in phase '
                         'planned', '&quot;snapdriver domain recover&quot;')
        self.assertNotIn('unfinished', self.draw())


class TestMerges(GraphTestCase):
    """::

        a <- b <- c (active)    b is hidden
        s1    \\- d              perhaps
              s2
    """

    def draw_hidden(self, *more, **changes):
        return self.draw(
            disks={'disk': samples.disk(samples.C)},
            layers=samples.layers(
                samples.layer(samples.A), samples.layer(samples.B, samples.A),
                samples.layer(samples.C, samples.B),
                *(samples.layer(samples.D, samples.B) for _ in more)),
            snapshots=samples.snapshots(
                samples.snapshot(samples.S1, disk=samples.A), *more),
            current=samples.S1, **changes)

    def test_pending(self):
        self.draw_hidden()
        self.assert_says(f'"layer {samples.B}" [', 'hidden: no name',
                         'dashed')
        self.assert_says(f'"layer {samples.C}" -> "layer {samples.B}" ',
                         '"merge pending"')
        self.assertNotIn('merge', self.statement(
            f'"layer {samples.B}" -> "layer {samples.A}" '))

    def test_two_stand_on_it(self):
        self.draw_hidden(samples.snapshot(samples.S2, disk=samples.D))
        self.assert_says(f'"layer {samples.B}" [', 'hidden: no name')
        self.assertNotIn('merge', self.drawn)

    def test_a_tag_above(self):
        self.draw_hidden()
        state = samples.state(
            disks={'disk': samples.disk(samples.C)},
            layers=samples.layers(samples.layer(samples.B),
                                  samples.layer(samples.C, samples.B)),
            snapshots=samples.snapshots(dataclasses.replace(
                samples.snapshot(samples.S1), kind='internal',
                disks={'disk': model.Point(samples.C, 1, tag='t')})),
            current=None, operation=None, jobs={})
        self.drawn = graph.draw(state)
        self.assert_says(f'"layer {samples.C}" -> "layer {samples.B}" ',
                         'merge waits: a tag is above')

    def test_at_work(self):
        self.draw_hidden(jobs={'x': model.Job(
            id='x', type=jobs.MERGE, disk='disk', started_at=1.0, data={
                'merge': {'disk': 'disk', 'lower': samples.B, 'upper':
                          samples.C, 'direction': 'down', 'bytes': 1}})})
        self.assert_says(f'"layer {samples.C}" -> "layer {samples.B}" ',
                         'being merged down')

    def test_read_by_an_export(self):
        self.draw_hidden(jobs={'x': model.Job(
            id='x', type=jobs.EXPORT, disk='disk', started_at=1.0,
            data={'pins': [samples.A]})})
        self.assert_says(f'"layer {samples.A}" [', 'frozen, being read')
        self.assert_says(f'"layer {samples.B}" [', 'hidden: no name<')


class TestGraphviz(GraphTestCase):
    """Graphviz reads it as it is meant."""

    def setUp(self):
        super().setUp()
        if shutil.which('dot') is None:
            self.skipTest('Graphviz is not installed')

    def svg(self):
        done = subprocess.run(['dot', '-Tsvg'], input=self.drawn.encode(),
                              capture_output=True, check=True)
        return ET.fromstring(done.stdout), done.stderr.decode()

    def test_names_of_all_kinds(self):
        for text in _NASTY:
            base_file = '/srv/' + text.replace('/', '')
            self.draw(
                name=text, disks={
                    'disk': dataclasses.replace(
                        samples.disk(samples.C), base=base_file),
                    'disk.eph0': samples.disk(samples.E1, 'disk.eph0')},
                snapshots=samples.snapshots(dataclasses.replace(
                    samples.snapshot(samples.S1, disk=samples.A),
                    description=text)), current=None)
            image, complaints = self.svg()
            self.assertEqual('', complaints)
            shown = ' '.join(image.itertext())
            line = ' '.join(''.join(
                c if c.isprintable() or c.isspace() else ascii(c)[1:-1]
                for c in text).split()).replace('\\', '\u2216')
            for one in (dot.shortened(line, longest)
                        for longest in (40, 1000)):
                self.assertIn(one, ' '.join(shown.split()))
            titles = {value for element in image.iter() for key, value
                      in element.attrib.items() if key.endswith('title')}
            self.assertIn(dot.shortened(line, 1000),
                          {' '.join(one.split()) for one in titles})
            # domain, five layers, two bases, one snapshot
            self.assertEqual(9, len([one for one in image.iter()
                                     if one.get('class') == 'node']))

    def test_plain(self):
        self.draw(model.Power.RUNNING)
        done = subprocess.run(['dot', '-Tplain'], input=self.drawn.encode(),
                              capture_output=True, check=True)
        edges = re.findall(r'^edge ("[^"]*"|\S+) ("[^"]*"|\S+) ',
                           done.stdout.decode(), re.M)
        self.assertIn((f'"layer {samples.B}"', f'"layer {samples.A}"'), edges)
        self.assertIn(('domain', f'"layer {samples.C}"'), edges)
        self.assertEqual(10, len(edges))
