"""Every bound of the gateway and the dispatcher, each with its arithmetic."""

from __future__ import annotations

# --- phones

# The head of a handshake comes with the first packet; a slow radio may repeat it.
HANDSHAKE_S = 5.0
# A phone has its ticket in hand and sends it with the next packet.
HELLO_S = 1.0
# Sockets without a ticket: each is a task and 20 kB; one more ends the oldest. A household, or a train.
MAX_WAITING = 150
MAX_WAITING_PER_ADDRESS = 32
# Sockets with a ticket behind one address: half of all.
MAX_SOCKETS_PER_ADDRESS = 400
# Each stream that is followed costs two queries. A page follows what it shows, a screen at a time; a phone
# that comes back follows MAX_STREAMS_PER_SOCKET at once, some times over.
FRAME_BURST = 256
FRAMES_PER_S = 8.0
# One person: a phone, a tablet and a few browser tabs.
MAX_SOCKETS_PER_ACCOUNT = 8
# The usual limit of open files is 1,024; beside those at the doors 74 stay for the database, the model server
# and media.
MAX_SOCKETS = 800
# Events read at once. 50 facts of about 300 bytes and one picture of at most 20 kB are 35 kB: what one phone
# holds in memory between two reads, because nothing is read for it until the page before is written.
PAGE = 50
# What may wait in our process for one phone's network: about one page. 800 phones * 64 kB = 51 MB.
WRITE_BUFFER_BYTES = 64 * 1024
# What may wait in the kernel (Linux doubles it). Unset it grows to megabytes of pictures that turn stale.
SEND_BUFFER_BYTES = 64 * 1024
# One frame (at most 20 kB) that can't be written for so long means under 2 kB/s: better to come back later.
STALL_S = 10.0
# Ends of sessions are announced; this finds one whose announcement was lost, or that ran out by itself. One
# query for all phones.
SESSION_CHECK_S = 60.0
# How far a restored database may lie back without being noticed: two tiny writes each time.
BEAT_S = 10.0
# Time for goodbye and the closing handshake of a phone that still reads.
GOODBYE_S = 2.0
# A phone that vanished without a word is noticed within the sum.
PING_EVERY_S = 20.0
PING_TIMEOUT_S = 20.0
# After a failed read (the database restarts): often enough that nobody sees a gap.
RETRY_S = 0.5

# --- wakeups and the model server

# First wait after a lost connection, doubling to the last: back within a second of a quick restart.
FIRST_BACKOFF_S = 0.1
LAST_BACKOFF_S = 2.0
# A LISTEN connection that died silently is noticed within the sum.
PROBE_EVERY_S = 15.0
PROBE_TIMEOUT_S = 10.0
# The model server's loop may stand still for seconds on two cores under load; death is told by TCP at once.
MODELS_PING_EVERY_S = 20.0
MODELS_PING_TIMEOUT_S = 60.0
# With the 2 s of domain.model_health readiness is the truth of 4 s ago at most; its ping notices after 80.
MODELS_HEALTH_EVERY_S = 2.0

# A service of this process that ended with an error: back at once after one, no busy loop after many.
FIRST_RESTART_S = 0.2
LAST_RESTART_S = 10.0

# --- work

# The model server draws one at a time, and two have their inputs there when it ends, so that it never waits
# for us. All others stay queued: everybody's turn comes, and the place that each is told holds.
MAX_PREVIEWS = 3
# The model server draws one at a time; the second has its inputs there when the first ends.
MAX_RENDERS = 2
# What nobody waits for is leased when the one before is done.
MAX_BACKGROUND = 1
# Jobs are sent in the order of their leases, which is that of the places people were told; one whose inputs
# take longer than a preview's drawing lets the next ones go first.
TURN_S = 0.5
# Videos that are drawn and being stored: each holds about 1 MB.
MAX_STORING = 24
# Three heartbeats in a row may be late before a lease (domain.videos.leases.LEASE_S) runs out.
HEARTBEAT_S = 2.5
# Wakeups tell of new work; this finds expired leases.
POLL_S = 2.0
# The slowest single step of a large model on a small machine takes minutes. A model server that has work and
# says nothing for so long is hung (death is told by TCP, a hung event loop by the ping): the work goes back.
SILENCE_S = 600.0
# Before a job goes back to the queue after a fault: attempt n waits n times as long, so that 5 attempts
# outlast a model server that needs 20 s to load.
FAULT_BACKOFF_S = 2.0
# Before a job that met a full queue is sent again, as the same attempt.
BUSY_BACKOFF_S = 1.0
# Closeness is worth waiting for, not worth losing a finished video for.
COMPARE_S = 30.0
# Wakeups tell of revocations; this finds what a dead process left, and grants that have run out.
SWEEP_S = 10.0
# Wakeups tell of posts and of renders that ended; this finds those whose time has come.
POST_RENDER_S = 10.0
# The model server may be drawing on every core: slow is not dead.
MODELS_ANSWER_S = 5.0
# Batches of one kind before the others have their turn: some seconds, whatever somebody asks for meanwhile.
SWEEP_BATCHES = 50
# Jobs in flight are given back to the queue within this when we stop.
STOP_S = 3.0

# --- media

# Objects that are compared with the database at once, every SWEEP_S: 1,000 names are about 100 kB.
COMPARE_PAGE = 1000
COMPARE_PARALLEL = 16
# From the end of one comparison of the whole store to the begin of the next.
COMPARE_EVERY_S = 6 * 3600.0
# An object that belongs to nothing is deleted after a day: time to notice that a store and a database don't
# belong together.
ORPHAN_KEPT_S = 24 * 3600.0

# --- retention

# Between two looks for what is over: some of them read a table. While there is something, every SWEEP_S.
RETENTION_EVERY_S = 3600.0
