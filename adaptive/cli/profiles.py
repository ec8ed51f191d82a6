"""`adaptive profiles`: lists the profiles that `adaptive fit` stored, shows one or removes one."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from adaptive.cli.support.display import is_interactive
from adaptive.cli.support.errors import FAILED, USAGE, Failure
from adaptive.cli.support.report import to_one_line
from adaptive.errors import InputError

if TYPE_CHECKING:
    from adaptive.profile.store import ProfileStore, StoredProfile

EPILOG = """A model has one stored profile, under the name that -m takes. `adaptive solve -m MODEL` and
build_solver(MODEL) use it unless another one is named; --profile none does without any.

Removing a profile does not remove the attempts that it was made from: the page of `profiles show` says where they
are. ADAPTIVE_PROFILES names the folder of profiles."""


@click.command(epilog=EPILOG)
@click.argument("action", type=click.Choice(("list", "show", "remove")), default="list")
@click.argument("model", required=False)
@click.option("-y", "--yes", is_flag=True, help="Remove without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print each profile as a JSON object on one line.")
def profiles_command(action: str, model: str | None, yes: bool, as_json: bool) -> None:
    """List the fitted profiles, show one or remove one.

    `adaptive profiles` lists all. `adaptive profiles show MODEL` prints the page of one, and
    `adaptive profiles remove MODEL` removes it.
    """
    from adaptive.profile.store import ProfileStore, find_profiles_folder

    store = ProfileStore(find_profiles_folder())
    if (model is None) != (action == "list"):
        raise click.UsageError(f"{action} needs a MODEL" if model is None else "list takes no MODEL, unlike show")
    if model is None:
        _print_list(store, as_json)
    elif action == "show":
        _print_page(store.get(model), as_json)
    else:
        _remove(store, store.get(model), yes)


def _print_list(store: ProfileStore, as_json: bool) -> None:
    stored = store.list_profiles()
    if not stored:
        click.echo(f"No profile is stored in {store.root}: fit one (adaptive fit QUESTIONS -m MODEL).", err=True)
    for one in stored:
        click.echo(json.dumps(_to_row(one), ensure_ascii=False) if as_json else _format_row(one))


def _to_row(one: StoredProfile) -> dict[str, Any]:
    return {**asdict(one), "folder": str(one.folder), "error": one.error or None}


def _format_row(one: StoredProfile) -> str:
    if one.error:
        return to_one_line(f"{one.folder} is broken: {one.error}")
    return to_one_line(f"{one.model}  {one.date[:10]}  {one.questions} questions  {one.sentence}")


def _print_page(one: StoredProfile, as_json: bool) -> None:
    from adaptive._util.files import read_json
    from adaptive.profile.store import FIT_FILE, FIT_PAGE

    if one.error:
        raise InputError(f"the profile in {one.folder} is broken: {one.error}")
    if as_json:
        click.echo(json.dumps(read_json(one.folder / FIT_FILE), ensure_ascii=False))
    else:
        click.echo((one.folder / FIT_PAGE).read_text(encoding="utf-8"), nl=False)


def _remove(store: ProfileStore, one: StoredProfile, yes: bool) -> None:
    """Remove a profile, after asking."""
    name = one.model or str(one.folder)
    if not yes:
        if not is_interactive():
            raise Failure(f"the profile of {name} is removed only with --yes.", USAGE)
        if not click.confirm(f"Remove the profile of {name}?", err=True):
            raise Failure(f"the profile of {name} stays.", FAILED)
    store.remove(one)
    click.echo(f"Removed the profile of {name}.", err=True)
