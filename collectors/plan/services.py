"""From app folders to services: `app` or `app:variant`, its launcher's command filled in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collectors.errors import PlanError
from collectors.plan import constants as c
from collectors.plan.contract import read_contract
from collectors.plan.document import NAME, Item, unknown
from collectors.plan.launchers import LITERALS, fill, read_env, read_launchers, read_options
from collectors.plan.load import load
from collectors.plan.model import Endpoint, Launcher, Offer, Service
from collectors.plan.project import app_names

REQUIRED: Final = ("description", "launcher", "module", "port", "endpoints", "pool_size", "variants")
VARIANT_KEYS: Final = ("description", "launcher", "module", "env", "options", "pool_size")
DEFAULT: Final = "default"


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """What apps/ offers beside the apps themselves."""

    apps_dir: Path
    endpoints: Mapping[str, Endpoint]
    launchers: Mapping[str, Launcher]
    venvs_dir: str


def read_catalogue(apps_dir: Path, venvs_dir: str = c.VENVS_DIR) -> Catalogue:
    """Contract and launchers; raises PlanError for anything wrong in them."""
    return Catalogue(
        apps_dir=apps_dir,
        endpoints=read_contract(apps_dir),
        launchers=read_launchers(apps_dir),
        venvs_dir=venvs_dir,
    )


def expand_services(
    apps_dir: Path, wanted: Sequence[str], *, where: str = "apps", venvs_dir: str = c.VENVS_DIR
) -> tuple[Service, ...]:
    """The services that wanted names (`app` or `app:variant`), in that order.

    `where` is how a refusal calls the place of the names, `venvs_dir` the folder that holds one virtual
    environment per app. Raises PlanError for unknown names, for anything wrong in the files, and for two
    services of one id.
    """
    catalogue = read_catalogue(apps_dir, venvs_dir)
    return expand(catalogue, [(name, where) for name in wanted])


def expand(catalogue: Catalogue, wanted: Iterable[tuple[str, str]]) -> tuple[Service, ...]:
    """As expand_services, over a catalogue that is read already and with a place for each name."""
    services: dict[str, Service] = {}
    for name, where in wanted:
        service = _service(catalogue, name, where)
        if service.id in services:
            raise PlanError(
                f"{where}: {name!r} is named twice, or two apps make the service {service.id!r}; allowed: "
                "each once"
            )
        services[service.id] = service
    return tuple(services.values())


def resolve_argv(
    service: Service, *, bind: str, port: int, workers: int, venv: str | None = None
) -> list[str]:
    """The command with address, port and workers in place, as the unit's environment would put them.

    `venv` replaces the app's own virtual environment. For starting a daemon without systemd, in tests.
    """
    values = dict(zip(LITERALS.values(), (bind, str(port), str(workers)), strict=True))
    own = f"{c.VENVS_DIR}/{service.app}/"
    words = []
    for word in service.argv:
        filled = word
        for literal, value in values.items():
            filled = filled.replace(literal, value)
        words.append(filled.replace(own, f"{venv}/") if venv else filled)
    return words


def _service(catalogue: Catalogue, name: str, where: str) -> Service:
    app, colon, variant = name.partition(":")
    if app not in (names := app_names(catalogue.apps_dir)):
        raise unknown("app", app, names, where)
    source = f"{catalogue.apps_dir.name}/{app}/app.yml"
    fields = load(catalogue.apps_dir / app / "app.yml", source).fields(
        required=REQUIRED, optional=("env", "options")
    )
    variants = fields["variants"].named_entries("a variant")
    variant = variant if colon else DEFAULT
    if variant not in variants:
        raise unknown(f"variant of {app}", variant, variants, where)
    if not NAME.fullmatch(app):
        raise PlanError(
            f"{source}: the folder {app!r} is no name for an app; allowed: small letters, digits, and single "
            ". _ - between them"
        )
    every = {key: item.fields(required=(), optional=VARIANT_KEYS) for key, item in variants.items()}
    return _merged(catalogue, app, variant, fields, every[variant])


def _merged(
    catalogue: Catalogue, app: str, variant: str, fields: Mapping[str, Item], own: Mapping[str, Item]
) -> Service:
    """The app's values with the variant's over them; the launcher's defaults lie below both."""
    either = {**fields, **own}
    launcher = catalogue.launchers[either["launcher"].choice(catalogue.launchers, "launcher")]
    layers = (fields, own)
    options = {
        key: value
        for layer in layers
        if "options" in layer
        for key, value in read_options(layer["options"], launcher.options).items()
    }
    env = {key: value for layer in layers if "env" in layer for key, value in read_env(layer["env"]).items()}
    values = {
        **launcher.options,
        **options,
        **LITERALS,
        "venv": f"{catalogue.venvs_dir}/{app}",
        "module": _module(either["module"]),
    }
    pool_size = _pool_size(either["pool_size"])
    return Service(
        id=app if variant == DEFAULT else f"{app}-{variant}",
        app=app,
        variant=variant,
        description=either["description"].text(),
        argv=tuple(fill(word, values) for word in launcher.argv),
        env={**launcher.env, **env},
        port=_port(fields["port"]),
        keep_alive=launcher.keep_alive,
        http2=launcher.http2,
        pool_size=pool_size,
        endpoints={
            key: _offer(key, item, catalogue, pool_size)
            for key, item in fields["endpoints"].entries().items()
        },
    )


def _module(item: Item) -> str:
    text = item.text()
    if "$" in text or "{" in text:
        raise item.refuse(item.shown(), "a module, as in app:app")
    return text


def _port(item: Item) -> int:
    """A port that neither the kernel's own range of client ports nor the database can take."""
    port = item.integer(1024, 65_535)
    low, high = c.PORT_RANGE_DEFAULT
    if low <= port <= high or port == c.DATABASE_PORT:
        holder = (
            "the database's port"
            if port == c.DATABASE_PORT
            else f"one of the kernel's client ports {low}-{high}"
        )
        raise item.refuse(
            f"is {port}, {holder}", f"1024-{low - 1} without {c.DATABASE_PORT}, and {high + 1}-65535"
        )
    return port


def _pool_size(item: Item) -> int:
    return item.integer(0, 100_000)


def _offer(name: str, item: Item, catalogue: Catalogue, pool_size: int) -> Offer:
    """An endpoint may name a pool_size of its own, where only some of an app's endpoints use its pool."""
    if name not in catalogue.endpoints:
        raise unknown("endpoint", name, catalogue.endpoints, item.where)
    fields = item.fields(required=(), optional=("body_bytes", "pool_size"))
    sizes = fields["body_bytes"].fields(required=(), optional=c.DATASETS) if "body_bytes" in fields else {}
    return Offer(
        body_bytes={dataset: size.integer(0, 2**40) for dataset, size in sizes.items()},
        pool_size=_pool_size(fields["pool_size"]) if "pool_size" in fields else pool_size,
    )
