"""Settings: defaults, and one clear line for each bad value."""

from __future__ import annotations

from pathlib import Path

import pytest

from settings import PROJECT, BadSetting, load


def test_defaults_are_the_embedded_product(tmp_path: Path) -> None:
    settings = load({"RIFFLE_HOME": str(tmp_path / "home")})
    assert (settings.api_port, settings.realtime_port, settings.models_port) == (8000, 8001, 8002)
    assert settings.teacher == tmp_path / "home" / "models" / "riffle-tiny"
    assert settings.models_socket == "ws://127.0.0.1:8002/v1/work"
    assert settings.media_location.startswith("file://")


def test_home_defaults_to_var() -> None:
    assert load({}).home == PROJECT / "var"


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("RIFFLE_API_PORT", "http", "1 to 65535"),
        ("RIFFLE_API_PORT", "0", "1 to 65535"),
        ("RIFFLE_MODELS_PORT", "70000", "1 to 65535"),
        ("RIFFLE_DATABASE_URL", "sqlite:///x", "postgresql://"),
        ("RIFFLE_MEDIA_URL", "ftp://x", "s3://"),
        ("RIFFLE_MODELS_URL", "somewhere", "http://"),
        ("RIFFLE_SEED", "maybe", "on or off"),
        ("RIFFLE_MODEL_THREADS", "-1", "auto or 1 to 256"),
        ("RIFFLE_MODEL_THREADS", "0", "auto or 1 to 256"),
        ("RIFFLE_MODEL_THREADS", "257", "auto or 1 to 256"),
        ("RIFFLE_MODEL_MEMORY_MB", "-1", "megabytes"),
        ("RIFFLE_LOG_LEVEL", "loud", "debug or info or warning or error"),
        ("RIFFLE_LOG_FORMAT", "xml", "text or json"),
        ("RIFFLE_SIGNING_CHAIN", "/nowhere/chain.pem", "PEM"),
        ("RIFFLE_SIGNING_KEY", "/nowhere/key.pem", "PEM"),
        ("RIFFLE_MODERATION_URL", "ftp://x", "http://"),
        ("RIFFLE_MODERATION_TIMEOUT_S", "0", "0.1 to 30"),
        ("RIFFLE_MODERATION_TIMEOUT_S", "nan", "0.1 to 30"),
        ("RIFFLE_MODERATION_ON_ERROR", "shrug", "refuse or allow"),
        ("RIFFLE_REQUIRE_PROOF", "perhaps", "others or on or off"),
        ("RIFFLE_ADMIN_COOKIES", "chocolate", "plain or secure"),
        ("RIFFLE_PUBLIC_URL", "riffle.example", "https://HOST"),
        ("RIFFLE_PUBLIC_URL", "https://riffle.example/app", "https://HOST"),
        ("RIFFLE_PUBLIC_REALTIME_URL", "https://riffle.example", "wss://"),
        ("RIFFLE_CORS_ORIGINS", "*", "capacitor://localhost"),
        ("RIFFLE_CORS_ORIGINS", "null", "capacitor://localhost"),
        ("RIFFLE_CORS_ORIGINS", "https://*.example", "capacitor://localhost"),
        ("RIFFLE_CORS_ORIGINS", "https://app.example/,http://localhost", "capacitor://localhost"),
    ],
)
def test_a_bad_value_is_named_with_what_is_allowed(
    tmp_path: Path, name: str, value: str, allowed: str
) -> None:
    with pytest.raises(BadSetting) as caught:
        load({"RIFFLE_HOME": str(tmp_path), name: value})
    assert name in str(caught.value)
    assert value in str(caught.value)
    assert allowed in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSetting, match="RIFFLE_HOME"):
        load({"RIFFLE_HOME": str(tmp_path / "file")})


def test_an_empty_value_means_the_default(tmp_path: Path) -> None:
    assert load({"RIFFLE_HOME": str(tmp_path), "RIFFLE_API_PORT": ""}).api_port == 8000


def test_an_explicit_model_server_is_used(tmp_path: Path) -> None:
    settings = load({"RIFFLE_HOME": str(tmp_path), "RIFFLE_MODELS_URL": "https://models.example/"})
    assert settings.models_socket == "wss://models.example/v1/work"
    assert settings.models_http == "https://models.example"


def test_public_addresses_and_origins(tmp_path: Path) -> None:
    settings = load(
        {
            "RIFFLE_HOME": str(tmp_path),
            "RIFFLE_PUBLIC_URL": "https://riffle.example:8443/",
            "RIFFLE_PUBLIC_REALTIME_URL": "wss://live.example/socket",
            "RIFFLE_CORS_ORIGINS": "capacitor://localhost, https://app.example",
        }
    )
    assert settings.public_url == "https://riffle.example:8443"
    assert settings.public_realtime_url == "wss://live.example/socket"
    assert settings.cors_origins == ("capacitor://localhost", "https://app.example")


def test_text_becomes_the_type_of_its_setting(tmp_path: Path) -> None:
    folders = f"{tmp_path / 'one'}:{tmp_path / 'two'}:"
    settings = load(
        {
            "RIFFLE_HOME": str(tmp_path),
            "RIFFLE_MODEL_THREADS": " 4 ",
            "RIFFLE_MODERATION_TIMEOUT_S": "0.5",
            "RIFFLE_MORE_BUNDLES": folders,
            "RIFFLE_BUNDLE": "~/bundle",
        }
    )
    assert settings.model_threads == 4
    assert settings.moderation_timeout_s == 0.5
    assert settings.more_bundles == (tmp_path / "one", tmp_path / "two")
    assert settings.bundle == Path.home() / "bundle"


def test_auto_threads_are_the_default(tmp_path: Path) -> None:
    settings = load({"RIFFLE_HOME": str(tmp_path), "RIFFLE_MODEL_THREADS": "auto"})
    assert settings == load({"RIFFLE_HOME": str(tmp_path)})
    assert settings.model_threads == 0


def test_trusted_proxies_are_addresses_or_networks(tmp_path: Path) -> None:
    env = {"RIFFLE_HOME": str(tmp_path)}
    found = load(env | {"RIFFLE_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.7/8,fd00::/8"})
    assert [str(network) for network in found.proxy_networks] == ["127.0.0.1/32", "10.0.0.0/8", "fd00::/8"]
    for wrong in ("localhost", "10.0.0.0/40"):
        with pytest.raises(BadSetting, match="RIFFLE_TRUSTED_PROXIES"):
            load(env | {"RIFFLE_TRUSTED_PROXIES": wrong})
