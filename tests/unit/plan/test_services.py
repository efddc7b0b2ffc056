"""From app folders to services."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.errors import PlanError
from collectors.plan import expand_services, resolve_argv
from tests.unit.plan.support import edit, make_project


def test_an_app_takes_its_launcher_s_command(tmp_path: Path) -> None:
    (service,) = expand_services(make_project(tmp_path).apps_dir, ["plain"])
    assert (service.id, service.unit, service.port, service.keep_alive) == (
        "plain",
        "tandem-plain.service",
        8000,
        False,
    )
    assert service.argv == (
        "/opt/tandem/venvs/plain/bin/serve",
        "--bind",
        "${TANDEM_BIND}:${TANDEM_PORT}",
        "--workers",
        "${TANDEM_WORKERS}",
        "--backlog",
        "2048",
        "app:app",
    )
    assert service.env == {"LEVEL": "app", "ONLY_APP": "yes", "ONLY_LAUNCHER": "1"}


def test_a_variant_overrides_what_it_names_and_inherits_the_rest(tmp_path: Path) -> None:
    deep, pooled = expand_services(make_project(tmp_path).apps_dir, ["plain:deep", "plain:pooled"])
    assert (deep.id, deep.unit, deep.description) == (
        "plain-deep",
        "tandem-plain-deep.service",
        "plain app with a deep queue",
    )
    assert deep.argv[-3:] == ("--backlog", "4096", "app:deep")
    assert deep.env == {"LEVEL": "variant", "ONLY_APP": "yes", "ONLY_LAUNCHER": "1"}
    assert (deep.port, deep.pool_size) == (8000, 0)
    assert pooled.argv == ("/opt/tandem/venvs/plain/bin/pooled", "${TANDEM_BIND}:${TANDEM_PORT}", "app:app")
    assert (pooled.keep_alive, pooled.pool_size, pooled.description) == (True, 200, "plain app")
    assert pooled.env == {"LEVEL": "app", "ONLY_APP": "yes"}


def test_the_default_variant_may_be_named(tmp_path: Path) -> None:
    apps = make_project(tmp_path).apps_dir
    assert expand_services(apps, ["plain:default"]) == expand_services(apps, ["plain"])


def test_an_endpoint_may_have_a_pool_size_of_its_own(tmp_path: Path) -> None:
    (service,) = expand_services(make_project(tmp_path).apps_dir, ["pool"])
    assert (service.endpoints["index"].pool_size, service.endpoints["agents"].pool_size) == (0, 30)
    assert service.endpoints["index"].body_bytes == {"empty-join": 17}
    assert service.endpoints["agents"].body_bytes == {}


def test_two_apps_may_not_make_one_service(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    twin = tmp_path / "apps" / "plain-deep"
    twin.mkdir()
    (twin / "app.yml").write_text((tmp_path / "apps/pool/app.yml").read_text())
    with pytest.raises(PlanError, match="or two apps make the service 'plain-deep'"):
        expand_services(project.apps_dir, ["plain:deep", "plain-deep"])


def test_a_folder_s_name_becomes_part_of_names(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    (tmp_path / "apps/pool").rename(tmp_path / "apps/My App")
    with pytest.raises(PlanError, match=r"^apps/My App/app.yml: the folder 'My App' is no name for an app;"):
        expand_services(project.apps_dir, ["My App"])


def test_a_wrong_key_names_the_place_that_the_caller_gave(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"^the command line: unknown app 'x'; allowed: plain, pool$"):
        expand_services(make_project(tmp_path).apps_dir, ["x"], where="the command line")


@pytest.mark.parametrize(
    ("venvs_dir", "venv", "program"),
    [
        ("/opt/tandem/venvs", None, "/opt/tandem/venvs/plain/bin/serve"),
        ("/opt/tandem/venvs", "/tmp/venv", "/tmp/venv/bin/serve"),
        ("/tmp/venvs", None, "/tmp/venvs/plain/bin/serve"),
    ],
    ids=["as-on-the-server", "another-venv", "another-folder"],
)
def test_a_command_can_be_resolved_for_tests(
    venvs_dir: str, venv: str | None, program: str, tmp_path: Path
) -> None:
    (service,) = expand_services(make_project(tmp_path).apps_dir, ["plain"], venvs_dir=venvs_dir)
    argv = resolve_argv(service, bind="127.0.0.1", port=18000, workers=2, venv=venv)
    assert argv == [program, "--bind", "127.0.0.1:18000", "--workers", "2", "--backlog", "2048", "app:app"]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("ONLY_APP:", "only_app:", "'only_app' cannot be set here"),
        ("ONLY_APP:", "TANDEM_PORT:", "'TANDEM_PORT' cannot be set here"),
        ("ONLY_APP:", "API_TOKEN:", "'API_TOKEN' cannot be set here"),
        ('"yes"', '"$HOME"', "env.ONLY_APP is '$HOME'; allowed: values without $"),
        (
            "backlog: 4096",
            'backlog: "{port}"',
            "options.backlog is '{port}'; allowed: values without $ and {",
        ),
        ("module: app:deep", 'module: "$x"', "module is '$x'; allowed: a module, as in app:app"),
        ("pool_size: 200", "pool_size: -1", "pool_size is -1; allowed: a whole number from 0 to 100000"),
    ],
)
def test_values_that_systemd_would_expand_or_that_are_not_ours_are_refused(
    old: str, new: str, sentence: str, tmp_path: Path
) -> None:
    project = make_project(tmp_path)
    edit(tmp_path, "apps/plain/app.yml", old, new)
    with pytest.raises(PlanError) as caught:
        expand_services(project.apps_dir, ["plain:deep", "plain:pooled"])
    assert sentence in str(caught.value)
