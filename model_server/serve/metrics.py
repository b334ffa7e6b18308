"""Counters of this process, in Prometheus text."""

from __future__ import annotations

from collections import Counter

Labels = tuple[tuple[str, str], ...]

HELP = {
    "riffle_jobs_total": ("counter", "Jobs that ended, by outcome."),
    "riffle_unit_seconds_total": ("counter", "Wall seconds of work, by tier and stage."),
    "riffle_units_total": ("counter", "Units of work, by tier and stage."),
    "riffle_cpu_seconds_total": ("counter", "CPU seconds of work, by tier."),
    "riffle_calls_total": ("counter", "Embed and Compare calls, by kind and outcome."),
    "riffle_queued": ("gauge", "Jobs that wait to be begun."),
    "riffle_begun": ("gauge", "Jobs that are part-way."),
    "riffle_connections": ("gauge", "Open work sockets."),
    "riffle_engine_ready": ("gauge", "1 if the engine of the tier is loaded."),
}


class Metrics:
    """Values by name and labels."""

    def __init__(self) -> None:
        self._values: Counter[tuple[str, Labels]] = Counter()

    def add(self, name: str, value: float = 1, **labels: str) -> None:
        """Raise a counter."""
        # Counter's stubs know whole numbers only, but any number adds up.
        self._values[name, tuple(sorted(labels.items()))] += value  # type: ignore[assignment]

    def set(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        self._values[name, tuple(sorted(labels.items()))] = value  # type: ignore[assignment]

    def text(self) -> str:
        """Everything, in the exposition format 0.0.4."""
        lines: list[str] = []
        for name, (kind, text) in HELP.items():
            lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
            for (known, labels), value in sorted(self._values.items()):
                if known == name:
                    inner = ",".join(f'{key}="{label}"' for key, label in labels)
                    lines.append(f"{name}{{{inner}}} {value:g}" if inner else f"{name} {value:g}")
        return "\n".join(lines) + "\n"
