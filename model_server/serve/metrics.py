"""What this process counts, for Prometheus. Labels take only values of closed lists."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class Metrics:
    """The metrics of one worker, in a registry of their own; names of counters end in `_total`."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.jobs = Counter("riffle_jobs", "Jobs that ended, by outcome.", ["outcome"], registry=registry)
        self.unit_seconds = Counter(
            "riffle_unit_seconds",
            "Wall seconds of work, by tier and stage.",
            ["tier", "stage"],
            registry=registry,
        )
        self.units = Counter(
            "riffle_units", "Units of work, by tier and stage.", ["tier", "stage"], registry=registry
        )
        self.cpu_seconds = Counter(
            "riffle_cpu_seconds", "CPU seconds of work, by tier.", ["tier"], registry=registry
        )
        self.calls = Counter(
            "riffle_calls",
            "Embed and Compare calls, by kind and outcome.",
            ["kind", "outcome"],
            registry=registry,
        )
        self.queued = Gauge("riffle_queued", "Jobs that wait for their first step.", registry=registry)
        self.started = Gauge("riffle_started", "Jobs between their first and last step.", registry=registry)
        self.connections = Gauge("riffle_connections", "Open work sockets.", registry=registry)
        self.engine_ready = Gauge(
            "riffle_engine_ready", "1 if the engine of the tier is loaded.", ["tier"], registry=registry
        )
