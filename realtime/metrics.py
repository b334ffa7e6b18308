"""What the realtime process counts, for Prometheus. Labels take only values of closed lists."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

PHONES = Gauge("riffle_phones", "Open phone sockets.")
GOODBYES = Counter("riffle_goodbyes", "Phone sockets that the gateway closed, by reason.", ["reason"])
WAKEUPS_CONNECTED = Gauge("riffle_wakeups_connected", "1 while notifications of the database arrive.")
RUNNING_JOBS = Gauge("riffle_running_jobs", "Leased jobs that run, by tier.", ["tier"])
RESTARTS = Counter(
    "riffle_service_restarts", "Services of this process that ended and were started again.", ["service"]
)
ATTEMPTS = Counter("riffle_attempts", "Attempts at jobs that ended, by outcome.", ["outcome"])
