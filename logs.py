"""How every process logs: standard library loggers, rendered by structlog as text or JSON on stderr.

Modules log by `logging.getLogger(__name__)`, as libraries do. What a line belongs to (`request_id`, `job`) is
bound with `structlog.contextvars` and appears on each line that is logged meanwhile.
"""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from settings import Settings

# One line for each connection and request says nothing that a log needs.
LIBRARY_LEVELS = {"websockets.server": logging.WARNING, "httpx": logging.WARNING, "httpcore": logging.WARNING}


def configure(settings: Settings, process: str) -> None:
    """Send everything that this process logs to stderr; `process` is named on each line."""

    def name_process(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["process"] = process
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_process,
    ]
    # Neither form of a traceback shows local variables: they hold tokens and prompts.
    render: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if settings.log_format == "json"
        else [
            structlog.dev.ConsoleRenderer(
                colors=False,
                pad_event_to=0,
                pad_level=False,
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    for name, level in LIBRARY_LEVELS.items():
        logging.getLogger(name).setLevel(level)
