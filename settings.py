"""Settings from the environment into one frozen Struct; a bad value stops the start in one clear line."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from schemas.base import whole

PROJECT = Path(__file__).resolve().parent


class BadSetting(ValueError):
    """A setting that can't be used; the text names it, its value and what is allowed."""


def _is_writable_folder(path: Path) -> bool:
    """Make the folder where it is missing."""
    path.mkdir(parents=True, exist_ok=True)
    return os.access(path, os.W_OK)


def _are_networks(entries: tuple[str, ...]) -> bool:
    """Raise ValueError where one is neither an address nor a network."""
    return all(ip_network(entry, strict=False) for entry in entries)


# `description` is what an error says is allowed. Of `extra`, `check` looks at a converted value, `aliases`
# are words that stand for values, and `separator` stands between those of a list.
Port = Annotated[int, Meta(ge=1, le=65535, description="a port number, 1 to 65535")]
HttpUrl = Annotated[str, Meta(pattern="^https?:", description="http://... or https://...")]
# Scheme, host and perhaps port, as a browser's Origin has them. No `*`, and no `null`: any page can be that.
Origin = Annotated[str, Meta(pattern=whole(r"[a-z][a-z0-9+.-]*://[^/?#*,\s]+"))]
Switch = Literal["on", "off"]
HomeFolder = Annotated[
    Path, Meta(description="a folder that can be written", extra={"check": _is_writable_folder})
]
LogLevel = Literal["debug", "info", "warning", "error"]


class Settings(msgspec.Struct, kw_only=True, frozen=True, rename=lambda name: f"RIFFLE_{name.upper()}"):
    """Everything a process needs to know. Paths are absolute; empty URLs mean the embedded default."""

    home: HomeFolder = PROJECT / "var"
    api_port: Port = 8000
    realtime_port: Port = 8001
    models_port: Port = 8002
    database_url: Annotated[str, Meta(pattern="^postgres(ql)?:", description="postgresql://...")] = ""
    media_url: Annotated[
        str, Meta(pattern="^(file|s3|gs|az|memory):", description="file://, s3://, gs:// or az://")
    ] = ""
    models_url: HttpUrl = ""
    # What the dispatcher shows the model server; empty: one that is made under home.
    models_secret: Annotated[
        str, Meta(pattern=whole("[!-~]{16,200}"), description="16 to 200 visible ASCII characters")
    ] = ""
    # Both lie under home unless set.
    teacher: Annotated[Path, Meta(description="a diffusers folder")]
    bundle: Annotated[Path, Meta(description="a bundle folder")]
    # Other models' bundles, drawn as previews beside it.
    more_bundles: Annotated[
        tuple[Path, ...],
        Meta(description=f"bundle folders with {os.pathsep!r} between them", extra={"separator": os.pathsep}),
    ] = ()
    seed: Switch = "on"
    # Whether posted previews are drawn in full, which costs their makers nothing.
    render_posts: Switch = "on"
    # 0: as many as measured to be worth it for each graph.
    model_threads: Annotated[
        int, Meta(ge=1, le=256, description="auto or 1 to 256", extra={"aliases": {"auto": 0}})
    ] = 0
    # Megabytes for the preview engine's graphs; 0 keeps all that were loaded.
    model_memory_mb: Annotated[int, Meta(ge=0, le=2**30, description="megabytes, or 0 for no bound")] = 0
    log_level: LogLevel = "info"
    log_format: Literal["text", "json"] = "text"
    signing_chain: Annotated[
        Path | None,
        Meta(description="a PEM file of certificates, leaf first", extra={"check": Path.is_file}),
    ] = None
    signing_key: Annotated[
        Path | None, Meta(description="a PEM file of the leaf's key", extra={"check": Path.is_file})
    ] = None
    moderation_url: HttpUrl = ""
    moderation_timeout_s: Annotated[float, Meta(ge=0.1, le=30, description="0.1 to 30 seconds")] = 2.0
    moderation_on_error: Literal["refuse", "allow"] = "refuse"
    # Whose proof a moderator must have verified: of cameos that other people use, of all (on), of none.
    require_proof: Literal["others", "on", "off"] = "others"
    # Whose likeness may be lent, and who may draw with one.
    cameos_for: Annotated[
        Literal["adults", "declared_adults", "everyone"],
        Meta(description="adults (all but declared minors), declared_adults or everyone"),
    ] = "adults"
    # What a new account can spend.
    start_credits: Annotated[int, Meta(ge=0, le=1_000_000, description="0 to 1000000 credits")] = 1000
    # Whose X-Forwarded-For and X-Forwarded-Proto are believed.
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(
            description="addresses or networks with ',' between them",
            extra={"separator": ",", "check": _are_networks},
        ),
    ] = ()
    # Without one, metrics are for who asks on this machine and by no proxy.
    metrics_token: Annotated[str, Meta(min_length=16, description="16 characters or more")] = ""
    # By which addresses people reach the api and the gateway where something stands before them.
    public_url: Annotated[
        str,
        Meta(
            pattern=whole(r"https?://[^/?#\s]+/*"), description="http://HOST or https://HOST, without a path"
        ),
    ] = ""
    public_realtime_url: Annotated[
        str, Meta(pattern=whole(r"wss?://[^/?#\s]+(/[^?#\s]*)?"), description="ws://... or wss://...")
    ] = ""
    # Pages from elsewhere that may call the api, such as a phone app's in a web view.
    cors_origins: Annotated[
        tuple[Origin, ...],
        Meta(
            description="origins like https://app.example or capacitor://localhost, with ',' between them",
            extra={"separator": ","},
        ),
    ] = ()
    admin_cookies: Annotated[
        Literal["plain", "secure"], Meta(description="plain or secure (by HTTPS alone)")
    ] = "plain"

    @property
    def proxy_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The trusted proxies, parsed."""
        return tuple(ip_network(entry, strict=False) for entry in self.trusted_proxies)

    @property
    def models_socket(self) -> str:
        """Websocket address of the model server."""
        return "ws" + self.models_http.removeprefix("http") + "/v1/work"

    @property
    def models_http(self) -> str:
        """HTTP address of the model server."""
        return self.models_url or f"http://127.0.0.1:{self.models_port}"

    @property
    def model_progress(self) -> Path:
        """A file that says how far the model's preparation is, in a line; there only while it goes on."""
        return self.home / "model-progress.txt"

    @property
    def media_location(self) -> str:
        """Media store URL; a folder under home unless set."""
        return self.media_url or (self.home / "media").as_uri()


def load(env: Mapping[str, str] | None = None) -> Settings:
    """Read settings; an empty value means the default.

    Raises:
        BadSetting: a value is not what its name allows.
    """
    env = os.environ if env is None else env
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(Settings):
        raw = env.get(field.encode_name, "").strip()
        if raw or field.name == "home":
            values[field.name] = _read(field, raw or str(field.default))
    values.setdefault("teacher", values["home"] / "models" / "riffle-tiny")
    values.setdefault("bundle", values["home"] / "models" / "bundle")
    return Settings(**values)


def shared_secret(settings: Settings) -> str:
    """What the dispatcher shows the model server: the setting, else a file of its owner's alone under home.

    It is made once; two processes that do so at once agree.
    """
    if settings.models_secret:
        return settings.models_secret
    path = settings.home / "models.secret"
    if not path.exists():
        made = path.with_name(f".{path.name}.{os.getpid()}")
        made.touch(mode=0o600)
        made.write_text(secrets.token_urlsafe(32))
        try:
            # Fails where another process was first.
            os.link(made, path)
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return path.read_text().strip()


def _read(field: msgspec.structs.FieldInfo, raw: str) -> Any:
    meta = next((each for each in get_args(field.type) if isinstance(each, Meta)), Meta())
    extra = meta.extra or {}
    if raw in extra.get("aliases", ()):
        return extra["aliases"][raw]
    separator = extra.get("separator")
    parts = [part.strip() for part in raw.split(separator) if part.strip()] if separator else raw
    try:
        value = msgspec.convert(parts, field.type, strict=False, dec_hook=_path)
        allowed = "check" not in extra or extra["check"](value)
    except (msgspec.ValidationError, OSError, ValueError):
        allowed = False
    if not allowed:
        takes = meta.description or " or ".join(get_args(field.type))
        raise BadSetting(f"{field.encode_name}={raw!r} can't be used: it takes {takes}")
    return value.rstrip("/") if field.name.endswith("_url") else value


def _path(_: type[Any], raw: str) -> Path:
    return Path(raw).expanduser().resolve()
