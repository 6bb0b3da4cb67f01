"""The words of docs/scaling.md around the figures: what no measurement can change."""

from __future__ import annotations

LIMITS = {
    "processor": "The server's processors, in the busiest hour: for what runs, what is removed and what is read.",
    "log in time": "One log is flushed at a time: so many flushes, of the length measured, fit into the hour. "
    "Where the log is busy more commits meet in one than did here, so this limit comes later than is said.",
    "log in bytes": "What the log's disk, and the line to a replica, take in the busiest hour.",
    "written": "Pages and log together, in the busiest hour.",
    "disk": "What is kept. It is the limit that is chosen, not met: what can be copied back within half a "
    "day. Fewer days kept move it in proportion.",
    "cleanup": "The cleanup pauses most of the time, and runs in one process at once; beyond, it falls behind by more "
    "than a day, and further each day.",
    "connections": "Of the worker processes that the busiest hour needs. A pooler in session mode, or fewer "
    "connections for each, moves it.",
}

STEPS = """- **A time to live for every process**, so that the database has a size at all.

- **A narrower partition of history** (`database.history_partition`, below) where much is kept for little more than a
month: history goes a partition at a time, and what waits for the rest of its partition is still kept.

- **Read replicas for history.** Point what reports and exports read at a hot standby
(`Engine(url_of_the_replica, migrate=False)`, and only `engine.read`). Replay lags by moments; the operations pages and
everything that decides stay on the primary. A standby refuses writes, so that a mistake cannot do harm. It writes the
same log, and it holds the same bytes: it helps the processor only.

- **Fewer save points** (`save_point=False`) where steps are quick and may be repeated together.

- **Workers on machines of their own**, the database alone on its one; `synchronous_commit` stays on.

- **Several databases, by instance.** An instance with all it owns, the processes that it called included, is in one
transaction with nothing of any other: nothing but messages, signals and data stores goes from one to another. So a
process application can have several databases, each with its workers, and a router in front that starts an instance in
one of them, by a hash of its business key. Messages with a correlation key go the same way if that is, or is derived
from, the business key; signals are sent to all; a data store lives in one of them. Fermata has no router of its own: it
is a line in what calls `start` and `publish`, and belongs to who knows the keys."""

TEXT = """# Scaling: one PostgreSQL, how far, and what then

Written by `python -m tests.benchmarks.scaling`, all of it in one run (some minutes, a PostgreSQL of its own; `--quick`
for a look, which writes nothing). What is measured is of the machine it ran on: {cores} cores, which the server and
its workers share. The simulation is `tests/benchmarks/capacity.py`.

## What one instance costs

Measured on PostgreSQL {version} with {instances:,} instances that really ran, in waves: all started, then all their
jobs done, by one worker process and by two in turns, then a `VACUUM` as autovacuum does it. Sizes are those of tables
and indexes before the first wave and after the last one, so what updates leave behind is in them, and what `VACUUM`
gave back has been used again; nothing is copied or multiplied. Before the last `VACUUM` all was {unswept:.0%} larger.
**The line**: ten service tasks one after the other, a save point before each, an order of 250 characters and ten
results as variables; it has ended. **The waiting one**, as many as in a wave, waits for a person, a message, a timer
and a handler at once.

{per_table}

**How to carry that over to your process**: about {per_task:,.0f} bytes of history for each service task, {base:,.0f}
for an instance with nothing in it, and each value of a variable as often as it is set; values of more than 4,096
characters once.

## What running it takes

For one line; a checkpoint before each wave and at its end, so that the log has the images of all pages that it touches,
and all pages are written. *Share of the time*: seconds of a processor, or of the log being flushed, for each second on
the clock; 100% is one core, or a log that is never at rest.

{running}

A single write of 4 kB to this disk takes {flush_here} until it is there. With {processes} worker processes server and
workers together kept {used_cores:.1f} of the {cores} cores busy, {used_share:.0%}; what is left is waiting for the log,
for locks, for each other, and for whatever else ran on the machine. Were there no waiting, the cores would do
{bound:,.0f} jobs a second instead of {jobs:,.0f}: so far the simulation below, which knows of processors and not of
waiting, is too hopeful, and that is why it uses only a part of each.

## What many cost

{sizes}

A hundred million ended instances are {rows:.1f} billion rows and {all:.2f} TB, of which {share:.0%} is history;
at {back:.0f} MB/s a backup of that is copied back in {restore:.0f} hours. The sizes are multiplied, the speed is not:
[a transition among a million stored instances](benchmarks.md#held-against-the-bars) is measured. Claims, correlation,
loading and lists go by indexes whose upper levels stay in memory: `tests/engine/store/test_plans.py` fails when one of
the statements behind them reads a whole table, or a whole index. What reads more does so by intention:

- the total of a list is counted, up to 10,000;

- `engine.read.instances(text=...)`, the search for a part of a name, reads the list from its newest entry on until its
page is full, all of it where nothing matches. Give it a state or a process, or search by the whole business key, which
has an index;

- `engine.external.list(topic=...)` pages through open jobs by their ids, and passes those of other topics;

- who asks for a topic for the first time has the failed jobs of that topic looked through, once for each process of
ours, and a topic that is narrowed by process, business key or variables may pass the waiting jobs of that topic which
do not fit. Give such jobs a topic of their own.

What grows besides is everything that takes all: a backup, a restore, a new replica, `VACUUM` of a whole table, an index
built anew.

## Where one PostgreSQL ends

Simulated hour by hour with what was measured above, for lines of ten service tasks, until as much is removed as comes.
The load: {load}. The server: {server}. These are assumptions (`Load` and `Server` in `capacity.py`): put yours in. What
a machine with more cores does per core is taken to be what it does here. Percentages are of each limit, in the worst
hour; instances are kept 90 days, row by row.

{simulation}

The limits, each as if there were no other:

{limits}

## Steps, in order

By the same simulation: of all that may be done in one database, what brings most comes first, and what brings little or
harms after that is not taken; a limit that is not the one that is met need not be moved. With another load or server
the order is another one.

{steps}

How many databases it takes, each a server of its own:

{databases}

What to know of each:

STEPS

## Partitions of history

The ids of instances and jobs begin with the time of their making, so the tables of history are partitioned by ranges of
`instance_id` and `job_id` as they are, with the keys they have, a month each
([how they come and go](database.md#partitions-of-history)). Measured with {dropped_instances:,} of the lines above:

| what is removed | time |
| --- | --- |
| instances with their history, row by row | {removed} |
| instances, their history left to be dropped | {left} |
| that history, {dropped_rows:,} rows, dropped | {drop} for all tables, {longest} for one |

While a table's partition is dropped, whoever writes history waits, so for {longest} here; hardly longer for more rows,
since files are removed after the commit. Where some instances live on, their rows are copied in that time, at most
20,000 of a table. The cleanup yields to the work and has {cleanup_share:.0%} of the time: row by row it keeps up with
{kept_up:,.0f} instances a day, with partitions with {kept_up_drops:,.0f}.

What remains row by row are the instances themselves and their last variables: they are what lists, searches and the
cleanup itself ask for, and what says whose history is still wanted.
""".replace("STEPS", STEPS)
