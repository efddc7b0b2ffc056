"""From app folders to services: `app` or `app:variant`, its launcher's command filled in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast

from collectors.errors import PlanError
from collectors.plan import constants as c
from collectors.plan.contract import read_contract
from collectors.plan.digests import GENERATOR
from collectors.plan.document import NAME, Item, unknown
from collectors.plan.fairness import check_fair, conditions_of, read_conditions
from collectors.plan.launchers import LITERALS, fill, read_env, read_launchers, read_options
from collectors.plan.load import load
from collectors.plan.model import Endpoint, Front, Kind, Launcher, Service
from collectors.plan.offers import read_offers, read_pool_size
from collectors.plan.project import app_names
from collectors.plan.settings import read_code, read_conflicts, read_packages, read_port, read_python

REQUIRED: Final = ("description", "launcher", "module", "port", "endpoints", "pool_size", "variants")
OPTIONAL: Final = ("env", "options", "code", "packages", "python", "conflicts", "conditions")
VARIANT_KEYS: Final = (
    "description",
    "launcher",
    "module",
    "env",
    "options",
    "pool_size",
    "kind",
    "why",
    "front",
    "endpoints",
    "conditions",
)
KINDS: Final = ("faithful", "fair", "plain")
FRONTS: Final = ("nginx",)
DEFAULT: Final = "default"
RESERVED: Final = ("floor", "iperf3", "load", "restore", "telemetry", "upstream")
FRONT: Final = "front-"
"""What units of the bench's own are called after tandem-, and what the units of fronts begin with."""


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


def generator_sentence(app: str) -> str:
    """The sentence about an app of the generator's name: a plan keeps digests of all programs by name."""
    return f"{app!r} is the load generator's name in a plan's digests; allowed: another name"


def reserved(service_id: str) -> bool:
    """Whether a service of this id would have a unit of the bench's own."""
    return service_id in RESERVED or service_id.startswith(FRONT)


def resolve_argv(
    service: Service, *, bind: str, port: int, workers: int, venv: str | None = None, socket: str | None = None
) -> list[str]:
    """The command with address, port and workers in place, as the unit's environment would put them.

    `venv` replaces the app's own virtual environment, `socket` the unix socket of a daemon behind a front. For
    starting a daemon without systemd, in tests.
    """
    values = dict(zip(LITERALS.values(), (bind, str(port), str(workers)), strict=True))
    if venv:
        values[f"{c.VENVS_DIR}/{service.app}"] = venv
    if socket and service.socket:
        values[service.socket] = socket
    words = []
    for word in service.argv:
        filled = word
        for literal, value in values.items():
            filled = filled.replace(literal, value)
        words.append(filled)
    return words


def _service(catalogue: Catalogue, name: str, where: str) -> Service:
    app, colon, variant = name.partition(":")
    if app not in (names := app_names(catalogue.apps_dir)):
        raise unknown("app", app, names, where)
    source = f"{catalogue.apps_dir.name}/{app}/app.yml"
    fields = load(catalogue.apps_dir / app / "app.yml", source).fields(required=REQUIRED, optional=OPTIONAL)
    variants = fields["variants"].named_entries("a variant")
    variant = variant if colon else DEFAULT
    if variant not in variants:
        raise unknown(f"variant of {app}", variant, variants, where)
    if not NAME.fullmatch(app):
        raise PlanError(
            f"{source}: the folder {app!r} is no name for an app; allowed: small letters, digits, and single "
            ". _ - between them"
        )
    if app == GENERATOR:
        raise PlanError(f"{source}: {generator_sentence(app)}")
    own = app if variant == DEFAULT else f"{app}-{variant}"
    if reserved(own):
        raise PlanError(
            f"{source}: the service {own!r} would have a unit of the bench's own; allowed: names other than "
            f"{', '.join(RESERVED)}, and none that begins with {FRONT}"
        )
    every = {key: item.fields(required=(), optional=VARIANT_KEYS) for key, item in variants.items()}
    service = _merged(catalogue, app, variant, fields, every[variant])
    if service.kind == "fair":
        check_fair(service, catalogue.endpoints, variants[variant].where)
    return service


def _merged(
    catalogue: Catalogue, app: str, variant: str, fields: Mapping[str, Item], own: Mapping[str, Item]
) -> Service:
    """The app's values with the variant's over them; the launcher's defaults lie below both."""
    either = {**fields, **own}
    launcher = catalogue.launchers[either["launcher"].choice(catalogue.launchers, "launcher")]
    layers = (fields, own)
    options = {
        **launcher.options,
        **_over(layers, "options", lambda item: read_options(item, launcher.options)),
    }
    env = _over(layers, "env", read_env)
    front = _front(own["front"], launcher) if "front" in own else None
    kind = _kind(own)
    offers = read_offers(
        fields["endpoints"], own.get("endpoints"), catalogue.endpoints, read_pool_size(either["pool_size"])
    )
    service = Service(
        id=app if variant == DEFAULT else f"{app}-{variant}",
        app=app,
        variant=variant,
        description=either["description"].text(),
        argv=(),
        env={**launcher.env, **env},
        port=read_port(fields["port"]),
        keep_alive=launcher.keep_alive or front is not None,
        http2=launcher.http2 and front is None,
        pool_size=read_pool_size(either["pool_size"]),
        endpoints=offers,
        code=read_code(fields.get("code"), app, catalogue.apps_dir),
        launcher=launcher.name,
        options=options,
        kind=kind,
        why=own["why"].text() if "why" in own else None,
        front=front,
        protocol=launcher.protocol,
        packages=read_packages(fields.get("packages")),
        python=read_python(fields.get("python")),
        conflicts=read_conflicts(fields.get("conflicts")),
        conditions=conditions_of(
            launcher, options, _over(layers, "conditions", read_conditions), front=front is not None
        ),
        upstream=c.UPSTREAM if any(catalogue.endpoints[name].upstream for name in offers) else None,
    )
    return replace(service, argv=_argv(service, launcher, catalogue.venvs_dir, _module(either["module"])))


def _argv(service: Service, launcher: Launcher, venvs_dir: str, module: str) -> tuple[str, ...]:
    """The launcher's command; a daemon behind a front listens on its socket instead of the port."""
    values = {
        **service.options,
        **LITERALS,
        "venv": f"{venvs_dir}/{service.app}",
        "module": module,
        "listen": f"unix:{service.socket}" if service.socket else ":".join((LITERALS["bind"], LITERALS["port"])),
        "socket": service.socket or "",
    }
    return tuple(fill(word, values) for word in launcher.argv)


def _over(
    layers: Iterable[Mapping[str, Item]], key: str, read: Callable[[Item], Mapping[str, str]]
) -> dict[str, str]:
    """The app's mapping of this name with the variant's over it."""
    return {name: value for layer in layers if key in layer for name, value in read(layer[key]).items()}


def _kind(own: Mapping[str, Item]) -> Kind:
    """What a variant stands for; faithful and fair ones say why in one sentence."""
    kind = own["kind"].choice(KINDS, "kind") if "kind" in own else "plain"
    if kind != "plain" and "why" not in own:
        raise own["kind"].refuse(f"is {kind} without a reason", "beside it why, in one sentence")
    if kind == "plain" and "why" in own:
        raise own["why"].refuse("explains nothing, since the variant is plain", "beside it kind, faithful or fair")
    return cast(Kind, kind)


def _front(item: Item, launcher: Launcher) -> Front:
    front = item.choice(FRONTS, "front")
    if not launcher.takes_socket:
        raise item.refuse(
            f"is {front}, but the launcher {launcher.name} cannot listen on a unix socket",
            "launchers whose command has {listen} or {socket}",
        )
    return cast(Front, front)


def _module(item: Item) -> str:
    text = item.text()
    if "$" in text or "{" in text:
        raise item.refuse(item.shown(), "a module, as in app:app")
    return text
