"""Kills the recording process and cuts its power, thousands of times, and counts what went missing.

Here because the first law of the house (an acknowledged event is durable) is a claim about the worst moment, and
the worst moment does not turn up in ordinary tests.

How it is put together: ``shim.c`` stands between a process and one directory; ``kills`` lets it end the process at a
chosen I/O call; ``cuts`` lets it trace every call and has ``disk`` derive the states in which a disk could be found
after a power cut; ``session`` plays the work and afterwards looks at what is left; ``judge`` compares that with what
was acknowledged; ``campaign`` runs it all on every core.

What the counts mean. *acknowledged*: events whose recording returned to the sender, and was noted outside the home,
before the kill or cut; for kills each such event counts once and is checked again after every later kill on its home,
for power cuts each state counts its own. *lost*: acknowledged and not in the log, or in the log and not in the views
after they caught up. *torn*: with another place, digest or bytes than acknowledged, half of a transaction, a hole, or
anything that ``verify`` or SQLite's integrity check reports. *double counted*: an identity twice in the log, recorded
again when sent again, counted more than once by the one additive view, or rows and cells that differ from a rebuild.

What it does not show:

- a process is killed at I/O calls, not between two stores to memory (SQLite's shared-memory index among them);
- the disk keeps what it said was synced, damages no sector that was not written, and does not rot;
- the views are brought up to date between batches rather than on a thread of their own, so that a seed replays; there
  is one home, one writing process and no reader beside it;
- SQLite checkpoints every 40 pages here, so that checkpoints fall into a session; the product's figure is higher;
- only calls that go through the C library's dynamic symbols are seen. A trace is replayed to its end and compared with
  the real files, and a run whose trace does not account for them is an error, not a result.
"""
