"""Where the data files are, and which names they give."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from collectors.errors import PlanError
from collectors.plan.document import NAME, Item, unknown
from collectors.plan.load import load


@dataclass(frozen=True, kw_only=True)
class Project:
    """A folder that holds campaigns/, profiles/ and apps/."""

    root: Path

    def campaigns(self) -> list[str]:
        """Names of all campaigns."""
        return _stems(self.root / "campaigns")

    def profiles(self) -> list[str]:
        """Names of all profiles."""
        return _stems(self.root / "profiles")

    @property
    def apps_dir(self) -> Path:
        """The folder of the daemons."""
        return self.root / "apps"

    def campaign_file(self, name: str) -> Item:
        """The campaign's document; an unknown name is refused with all names."""
        if name not in (names := self.campaigns()):
            raise unknown("campaign", name, names, "campaigns/")
        return load(self.root / "campaigns" / f"{name}.yml", f"campaigns/{name}.yml")

    def profile_file(self, name: str, where: str) -> Item:
        """The profile's document; where is the place that asked for it."""
        if name not in (names := self.profiles()):
            raise unknown("profile", name, names, where)
        return load(self.root / "profiles" / f"{name}.yml", f"profiles/{name}.yml")


def find_project(start: Path | None = None) -> Project:
    """The project around start (the working folder unless told), else the one that this package lies in."""
    here = (start or Path.cwd()).absolute()
    for folder in (here, *here.parents, *([] if start else [Path(__file__).resolve().parents[2]])):
        if (folder / "campaigns").is_dir() and (folder / "apps").is_dir():
            return Project(root=folder)
    raise PlanError(
        f"{here}: neither this folder nor one above it holds campaigns/ and apps/; run tandem in Tandem's "
        "own folder"
    )


def app_names(apps_dir: Path) -> list[str]:
    """Names of all daemons: folders with an app.yml."""
    return sorted(path.parent.name for path in apps_dir.glob("*/app.yml"))


def _stems(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.yml") if NAME.fullmatch(path.stem))
