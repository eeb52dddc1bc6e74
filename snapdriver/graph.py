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

"""A picture of a domain's layers and snapshots, for Graphviz. Pure.

::

    domain -> active layer -> layer -> ... -> base
                                ^
                             snapshot

An arrow between files means "has as its backing file". A snapshot points at
the layer that it has frozen, or at its tag in a layer.
"""

from collections.abc import Iterator
from collections.abc import Mapping
import datetime
import os
from typing import Any

from snapdriver import chain
from snapdriver import dot
from snapdriver import jobs
from snapdriver import merges
from snapdriver import model

_FONT = 'Helvetica,Arial,sans-serif'
_GREY, _INK, _MERGE, _NAME = '#8c8c8c', '#333333', '#c2570c', '#1f5f99'
_LAYER, _ACTIVE, _HIDDEN, _SNAPSHOT, _BASE = (
    '#dbe9f6', '#cdebc5', '#ffffff', '#fff4c2', '#eeeeee')
_POWER = {model.Power.RUNNING: 'running', model.Power.PAUSED: 'paused',
          model.Power.SHUTOFF: 'shut off', None: 'not known to run'}
# How much of a description is shown; all of it where the mouse points.
_DESCRIPTION = 40


def draw(state: model.State, power: model.Power | None = None,
         sizes: Mapping[str, str] | None = None) -> str:
    """The picture, in the language of Graphviz.

    :param power: what the domain does; None if nobody could be asked.
    :param sizes: id of a snapshot to the size of its layers, as people read
        it.
    """
    return '\n'.join(dot.block('digraph "snapdriver"', _Picture(
        state, power, sizes or {}).statements())) + '\n'


class _Picture:
    def __init__(self, state: model.State, power: model.Power | None,
                 sizes: Mapping[str, str]) -> None:
        self._state, self._power, self._sizes = state, power, sizes
        self._hidden = set(chain.hidden(state))
        self._active = merges.active(state)
        self._pinned = chain.pinned(state)
        self._tags = _tags(state)
        self._bases = {
            path: f'base {number}' for number, path in enumerate(
                dict.fromkeys(disk.base for disk in state.disks.values()))
            if path is not None}

    def statements(self) -> Iterator[str]:
        yield dot.defaults('graph', rankdir='TB', fontname=_FONT,
                           fontsize='11', fontcolor=_INK)
        yield dot.defaults('node', fontname=_FONT, fontsize='10',
                           fontcolor=_INK, color=_INK)
        yield dot.defaults('edge', fontname=_FONT, fontsize='9',
                           fontcolor=_INK, color=_INK)
        yield from self._unfinished()
        yield self._domain()
        for number, disk in enumerate(self._state.disks.values()):
            yield from dot.subgraph(f'cluster {number}', self._disk(disk))
        yield from self._base_files()
        for snapshot in chain.parents_first(self._state.snapshots):
            yield from self._snapshot(snapshot)
        yield from self._backing()

    def _unfinished(self) -> Iterator[str]:
        operation = self._state.operation
        if operation is not None:
            yield 'graph [label=' + dot.lines(dot.bold(
                f'unfinished: {operation.verb}, in phase {operation.phase}'),
                dot.escaped('the next verb, or "snapdriver domain recover", '
                            'finishes or undoes it')) + '];'

    def _domain(self) -> str:
        runs = self._power in (model.Power.RUNNING, model.Power.PAUSED)
        state = self._state
        return dot.node(
            'domain', dot.lines(
                dot.bold(state.name), _POWER[self._power],
                '' if state.disks else 'no snapshots, no layers'),
            shape='box3d', style='filled,bold' if runs else 'filled',
            fillcolor=_ACTIVE if runs else _BASE,
            tooltip=f'{state.uuid} on {state.host}')

    def _disk(self, disk: model.Disk) -> Iterator[str]:
        yield 'graph [' + 'label=' + dot.lines(
            dot.escaped(disk.name if disk.name == disk.target
                        else f'{disk.target}: {disk.name}')) + (
            f', color="{_GREY}", style="rounded", labeljust="l"];')
        for layer in sorted(
                (one for one in self._state.layers.values()
                 if one.disk == disk.name),
                key=lambda one: chain.depth(self._state.layers, one.id)):
            yield self._layer(layer)

    def _layer(self, layer: model.Layer) -> str:
        rows = [f'<TD>{dot.bold(layer.file)}</TD>',
                f'<TD>{self._what(layer.id)}</TD>']
        rows += [
            f'<TD BORDER="1" PORT="{port}" BGCOLOR="{_HIDDEN}">'
            + dot.escaped(f'tag {tag}' + ('' if named else ', deleted'))
            + '</TD>' for port, tag, named in self._tags.get(layer.id, ())]
        active = layer.id in self._active
        hidden = layer.id in self._hidden
        return dot.node(
            _layer(layer.id), dot.cells(*rows), shape='box',
            style='rounded,filled,' + (
                'bold' if active else 'dashed' if hidden else 'solid'),
            fillcolor=_ACTIVE if active else _HIDDEN if hidden else _LAYER,
            tooltip=layer.file)

    def _what(self, layer: str) -> str:
        what = ('active' if layer in self._active else 'hidden: no name'
                if layer in self._hidden else 'frozen')
        return what + (', being read' if layer in self._pinned else '')

    def _base_files(self) -> Iterator[str]:
        for path, identity in self._bases.items():
            yield dot.node(
                identity, dot.lines(dot.bold(os.path.basename(path)),
                                    'not ours: only read'),
                shape='cylinder', style='filled,dashed', color=_GREY,
                fillcolor=_BASE, tooltip=path)

    def _snapshot(self, snapshot: model.Snapshot) -> Iterator[str]:
        current = snapshot.id == self._state.current
        yield dot.node(
            _snapshot(snapshot.id), dot.lines(
                dot.bold(snapshot.name) + (', current' if current else '')
                + (', safety' if snapshot.safety else ''),
                dot.escaped(f'{snapshot.kind}, {snapshot.consistency.value}'),
                _moment(snapshot.frozen_at)
                + (f', {dot.escaped(self._sizes[snapshot.id])}'
                   if snapshot.id in self._sizes else ''),
                dot.italic(dot.shortened(snapshot.description, _DESCRIPTION))
                if snapshot.description.strip() else ''),
            shape='note', fillcolor=_SNAPSHOT, color=_NAME,
            style='filled,bold' if current else 'filled',
            tooltip=snapshot.description or snapshot.name)
        for point in snapshot.disks.values():
            yield dot.edge(
                _snapshot(snapshot.id), _layer(point.layer),
                '' if point.tag is None else next(
                    port for port, tag, _ in self._tags[point.layer]
                    if tag == point.tag),
                color=_NAME, style='dashed', arrowhead='vee')

    def _backing(self) -> Iterator[str]:
        """What writes and reads what, from the top down."""
        state = self._state
        off = self._power is model.Power.SHUTOFF
        for disk in state.disks.values():
            yield dot.edge('domain', _layer(disk.active),
                           label='would write' if off else 'writes',
                           style='solid' if off else 'bold')
        notes = dict(_merges(state))
        for layer in state.layers.values():
            base = state.disks[layer.disk].base
            if layer.parent is not None:
                note = notes.get(layer.parent)
                yield dot.edge(
                    _layer(layer.id), _layer(layer.parent), weight='8',
                    **{} if note is None else {
                        'label': note, 'color': _MERGE, 'fontcolor': _MERGE,
                        'penwidth': '2'})
            elif base is not None:
                yield dot.edge(_layer(layer.id), self._bases[base],
                               color=_GREY)


def _merges(state: model.State) -> Iterator[tuple[str, str]]:
    """Id of each layer that shall become one with that on it, and when."""
    able = {merge.lower for merge in merges.possible(state, lambda _: 0)}
    for layer in merges.mergeable(state):
        yield layer, ('merge pending' if layer in able
                      else 'merge waits: a tag is above')
    for job in jobs.of_type(state, jobs.MERGE):
        merge: Any = job.data.get('merge', {})
        if merge.get('lower') in state.layers:
            yield merge['lower'], f'being merged {merge.get("direction", "")}'


def _tags(state: model.State) -> dict[str, list[tuple[str, str, bool]]]:
    """Of each layer's tags: the port, the name, whether it has a snapshot."""
    found: dict[str, dict[str, bool]] = {}
    for job in jobs.of_type(state, jobs.UNTAG):
        found.setdefault(job.data['layer'], {})[job.data['tag']] = False
    for snapshot in chain.parents_first(state.snapshots):
        for point in snapshot.disks.values():
            if point.tag is not None:
                found.setdefault(point.layer, {})[point.tag] = True
    return {layer: [(f'tag{number}', tag, named) for number, (tag, named)
                    in enumerate(tags.items())]
            for layer, tags in found.items()}


def _layer(identity: str) -> str:
    return f'layer {identity}'


def _snapshot(identity: str) -> str:
    return f'snapshot {identity}'


def _moment(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.strftime('%Y-%m-%d %H:%M UTC')
