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


"""Which handles count as deleted. Pure: a ledger, and what a pass has seen.

::

    200            it exists; nothing else is believed of it
    404            it is missing, to somebody who has seen it before
    anything else  it exists, and nothing is reset

A 404 is no more than a hint, as Glance hides what one may not see. It counts

- if who asks, and where, is what it was when the handle was seen;
- while a *witness* is seen as well: an image of another project that only
  somebody who sees all images can see. Without one the grace begins anew;
- if Glance's database is shown not to be older than the handle: the *beacon*
  that covers it is as it was written last (see
  :mod:`~snapdriver.nova.beacon`); or one of its *proofs*, other images that
  Glance has shown beside it and that were made (or changed) after it was
  made, is still there (and unchanged since);
- over at least one grace, as far as it was watched;
- if not many vanish within one grace, which is no user's doing.

The operator can say it instead of the last three ("snapdriver reaper
confirm"), but for the witness.
"""

import dataclasses

from snapdriver.nova import ledger as ledgers
from snapdriver.nova import observing

_FEW = 3      # that many may always vanish
_SHARE = 0.1  # of all of a host's handles, too
_AGES = ('no image shows that Glance\'s database is not older than it (was a '
         'backup of it restored?)')
_NO_WITNESS = ('no image of another project is seen with these credentials, '
               'so that they may just not see it any more')
_OTHER = ('it was seen with other credentials, or elsewhere; if it is '
          'deleted, run "snapdriver snapshot delete" on this host')
_GRACE = 'it has not been missing for long enough'


@dataclasses.dataclass
class Verdict:
    """What is to be done.

    :ivar due: ids of handles whose local snapshot is to be deleted.
    :ivar unfinished: ids of those that a process which was killed has left
        without content.
    :ivar warnings: what the operator should know.
    :ivar excess: how many vanished, if they are too many.
    """

    due: list[str] = dataclasses.field(default_factory=list)
    unfinished: list[str] = dataclasses.field(default_factory=list)
    warnings: list[str] = dataclasses.field(default_factory=list)
    excess: int = 0


def judge(ledger: ledgers.Ledger, seen: observing.Round,
          rules: observing.Rules) -> Verdict:
    """Write what was seen into the ledger, and tell what follows."""
    witness, unfinished = observing.observe(ledger, seen, rules)
    verdict = Verdict(unfinished=unfinished)
    _decide(ledger, seen, rules, verdict, witness)
    return verdict


def _decide(ledger: ledgers.Ledger, seen: observing.Round,
            rules: observing.Rules, verdict: Verdict, witness: bool) -> None:
    """Fill the verdict, and what is told of the pass."""
    passes = ledger.passes
    passes.waiting, passes.unconfirmed = {}, {}
    verdict.excess = _crowded(ledger, seen, rules)
    crowd = (f'{verdict.excess} handles of this host vanished within one '
             'grace, and nobody has confirmed it')
    for image_id in seen.handles:
        handle = ledger.handles.get(image_id)
        if handle is None or not seen.is_missing(image_id):
            continue
        confirmed = image_id in ledger.confirmed
        why = None
        if handle.identity != seen.identity:
            why = _OTHER
        elif not witness:
            why = _NO_WITNESS
        elif verdict.excess and not confirmed:
            why = crowd
            if handle.crowded:
                passes.unconfirmed[image_id] = why
        elif not _is_over(handle, seen.now, rules):
            why = _GRACE
        elif not handle.proven and not confirmed:
            why = passes.unconfirmed[image_id] = _AGES
        if why is None:
            verdict.due.append(image_id)
        else:
            passes.waiting[image_id] = why
    _warn(passes, verdict)


def _is_over(handle: ledgers.Handle, now: float,
             rules: observing.Rules) -> bool:
    """Whether it was found missing again and again, over one grace."""
    return (handle.missing_since is not None and handle.misses > 1
            and now - handle.missing_since >= rules.grace)


def _crowded(ledger: ledgers.Ledger, seen: observing.Round,
             rules: observing.Rules) -> int:
    """How many are missing that vanished together with too many others.

    Those that could not be looked at now are counted, too. Once too many,
    always too many: until it is confirmed, or they are seen.
    """
    vanished = {
        image_id: (handle, handle.vanished_at)
        for image_id, handle in ledger.handles.items()
        if handle.vanished_at is not None and image_id in seen.handles
        and handle.identity == seen.identity
        and image_id not in ledger.confirmed}
    most = max(_FEW, _SHARE * len(seen.handles))
    for _, when in vanished.values():
        near = [handle for handle, other in vanished.values()
                if abs(when - other) <= rules.grace]
        if len(near) > most:
            for handle in near:
                handle.crowded = True
    return sum(handle.crowded for handle, _ in vanished.values())


def _warn(passes: ledgers.Passes, verdict: Verdict) -> None:
    for why in (_NO_WITNESS, _OTHER, _AGES):
        ids = [i for i, waits in passes.waiting.items() if waits == why]
        if ids:
            verdict.warnings.append(
                f'Glance does not show {", ".join(ids)}. No local snapshot '
                f'is deleted for that: {why}.')
    if verdict.excess:
        verdict.warnings.append(
            f'{verdict.excess} handles of this host vanished from Glance '
            'within one grace. No local snapshot is deleted; if users have '
            'deleted them, say so by "snapdriver reaper confirm".')
