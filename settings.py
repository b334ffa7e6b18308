"""Settings from the environment into one frozen Struct; a bad value stops the start in one clear line."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec

T = TypeVar("T")
PROJECT = Path(__file__).resolve().parent


class BadSetting(ValueError):
    """A setting that can't be used; the text names it, its value and what is allowed."""


class Settings(msgspec.Struct, kw_only=True, frozen=True):
    """Everything a process needs to know. Paths are absolute; empty URLs mean the embedded default."""

    home: Path
    api_port: int
    realtime_port: int
    models_port: int
    database_url: str
    media_url: str
    bus_url: str
    models_url: str
    teacher: Path
    bundle: Path
    # Other models' bundles, drawn as previews beside it.
    more_bundles: tuple[Path, ...]
    seed: Literal["on", "off"]
    # 0: as many as measured to be worth it for each graph.
    model_threads: int
    # Megabytes for the preview engine's graphs; 0 keeps all that were loaded.
    model_memory_mb: int
    log_level: Literal["debug", "info", "warning", "error"]
    signing_chain: Path | None = None
    signing_key: Path | None = None
    moderation_url: str = ""
    moderation_timeout_s: float = 2.0
    moderation_on_error: Literal["refuse", "allow"] = "refuse"
    require_proof: Literal["on", "off"] = "off"
    admin_cookies: Literal["plain", "secure"] = "plain"

    @property
    def models_socket(self) -> str:
        """Websocket address of the model server."""
        base = self.models_url or f"http://127.0.0.1:{self.models_port}"
        return "ws" + base.removeprefix("http") + "/v1/work"

    @property
    def models_http(self) -> str:
        """HTTP address of the model server."""
        return self.models_url or f"http://127.0.0.1:{self.models_port}"

    @property
    def media_location(self) -> str:
        """Media store URL; a folder under home unless set."""
        return self.media_url or (self.home / "media").as_uri()


def load(env: Mapping[str, str] | None = None) -> Settings:
    """Read settings.

    Raises:
        BadSetting: a value is not what its name allows.
    """
    env = os.environ if env is None else env

    def read(name: str, default: str, parse: Callable[[str], T], allowed: str) -> T:
        raw = env.get(name, "").strip() or default
        try:
            return parse(raw)
        except (ValueError, OSError):
            raise BadSetting(f"{name}={raw!r} can't be used: it takes {allowed}") from None

    home = read("RIFFLE_HOME", str(PROJECT / "var"), _folder, "a folder that can be written")
    ports = "a port number, 1 to 65535"
    return Settings(
        home=home,
        api_port=read("RIFFLE_API_PORT", "8000", _port, ports),
        realtime_port=read("RIFFLE_REALTIME_PORT", "8001", _port, ports),
        models_port=read("RIFFLE_MODELS_PORT", "8002", _port, ports),
        database_url=read("RIFFLE_DATABASE_URL", "", _url("postgres", "postgresql"), "postgresql://..."),
        media_url=read(
            "RIFFLE_MEDIA_URL", "", _url("file", "s3", "gs", "az", "memory"), "file://, s3://, gs:// or az://"
        ),
        bus_url=read("RIFFLE_BUS_URL", "", _nothing, "nothing yet: wake-ups go through PostgreSQL"),
        models_url=read("RIFFLE_MODELS_URL", "", _url("http", "https"), "http://host:port"),
        teacher=read("RIFFLE_TEACHER", str(home / "models" / "riffle-tiny"), _path, "a diffusers folder"),
        bundle=read("RIFFLE_BUNDLE", str(home / "models" / "bundle"), _path, "a bundle folder"),
        more_bundles=read(
            "RIFFLE_MORE_BUNDLES", "", _paths, f"bundle folders with {os.pathsep!r} between them"
        ),
        seed=read("RIFFLE_SEED", "on", _choice("on", "off"), "on or off"),
        model_threads=read("RIFFLE_MODEL_THREADS", "auto", _threads, "auto or 1 to 256"),
        model_memory_mb=read("RIFFLE_MODEL_MEMORY_MB", "0", _amount, "megabytes, or 0 for no bound"),
        log_level=read(
            "RIFFLE_LOG_LEVEL",
            "info",
            _choice("debug", "info", "warning", "error"),
            "debug, info, warning or error",
        ),
        signing_chain=read("RIFFLE_SIGNING_CHAIN", "", _file, "a PEM file of certificates, leaf first"),
        signing_key=read("RIFFLE_SIGNING_KEY", "", _file, "a PEM file of the leaf's key"),
        moderation_url=read("RIFFLE_MODERATION_URL", "", _url("http", "https"), "http://host:port/path"),
        moderation_timeout_s=read("RIFFLE_MODERATION_TIMEOUT_S", "2", _seconds, "0.1 to 30 seconds"),
        moderation_on_error=read(
            "RIFFLE_MODERATION_ON_ERROR", "refuse", _choice("refuse", "allow"), "refuse or allow"
        ),
        require_proof=read("RIFFLE_REQUIRE_PROOF", "off", _choice("on", "off"), "on or off"),
        admin_cookies=read(
            "RIFFLE_ADMIN_COOKIES", "plain", _choice("plain", "secure"), "plain or secure (by HTTPS alone)"
        ),
    )


def _port(raw: str) -> int:
    value = int(raw)
    if not 1 <= value <= 65535:
        raise ValueError
    return value


def _threads(raw: str) -> int:
    if raw == "auto":
        return 0
    value = int(raw)
    if not 1 <= value <= 256:
        raise ValueError
    return value


def _amount(raw: str) -> int:
    value = int(raw)
    if not 0 <= value <= 2**30:
        raise ValueError
    return value


def _seconds(raw: str) -> float:
    value = float(raw)
    if not 0.1 <= value <= 30:
        raise ValueError
    return value


def _file(raw: str) -> Path | None:
    if not raw:
        return None
    path = _path(raw)
    if not path.is_file():
        raise ValueError
    return path


def _path(raw: str) -> Path:
    return Path(raw).expanduser().resolve()


def _paths(raw: str) -> tuple[Path, ...]:
    return tuple(_path(part) for part in raw.split(os.pathsep) if part.strip())


def _folder(raw: str) -> Path:
    path = _path(raw)
    path.mkdir(parents=True, exist_ok=True)
    if not os.access(path, os.W_OK):
        raise ValueError
    return path


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if raw and urlsplit(raw).scheme not in schemes:
            raise ValueError
        return raw.rstrip("/")

    return parse


def _nothing(raw: str) -> str:
    if raw:
        raise ValueError
    return raw


def _choice(*allowed: str) -> Callable[[str], Any]:
    def parse(raw: str) -> str:
        if raw not in allowed:
            raise ValueError
        return raw

    return parse
