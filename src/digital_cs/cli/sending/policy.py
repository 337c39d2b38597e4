"""`digital-cs policy`: the policy as a file and in force: how much, about what, and when not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from digital_cs.cli.options import Content, DryRun, Json

if TYPE_CHECKING:
    from digital_cs.catalog.policy import LoadedPolicy
    from digital_cs.domain.sending.policy import Policy
    from digital_cs.store.sending.policies import Published
    from digital_cs.temporal.gateway import Gateway
    from digital_cs.temporal.policies import PublishedPolicy

app = typer.Typer(
    no_args_is_help=True,
    help="The policy: what stands between every program and every person, in"
    " CONTENT_DIR/policy.yaml.",
)


@app.command(epilog="Example: digital-cs policy schema > content/policy.schema.json")
def schema(as_json: Json = False) -> None:
    """Print the JSON Schema of policy.yaml, so that an editor completes and checks it.

    It is JSON with and without --json.
    """
    from digital_cs.catalog.schema import policy_schema, schema_text
    from digital_cs.cli import output

    output.say(schema_text(policy_schema()).rstrip("\n"))


@app.command(epilog="Example: digital-cs policy check")
def check(content: Content = None, as_json: Json = False) -> None:
    """Check policy.yaml, by itself and beside the e-mails and programs of the folder."""
    from digital_cs.cli.check import report

    folder, loaded = _loaded(content)
    report(loaded.problems, f"All is well in {folder / 'policy.yaml'}.", as_json=as_json)


@app.command(epilog="Example: digital-cs policy show")
def show(as_json: Json = False) -> None:
    """Show the policy in force in words, with its version and since when it holds."""
    from digital_cs.catalog.policy_words import outline
    from digital_cs.cli import output

    found = _in_force()
    if as_json:
        output.emit({"version": found.version, "published_at": found.published_at,
                     "policy": found.policy.model_dump(mode="json")})  # fmt: skip
        return
    output.say(outline(found.policy))
    if found.version:
        since = output.when(found.published_at)
        output.say(f"\nIn force: version {found.version}, since {since}.")
    else:
        output.say("\nNone is published, so these defaults hold: `digital-cs policy publish`.")


@app.command(epilog="Example: digital-cs policy diff")
def diff(content: Content = None, as_json: Json = False) -> None:
    """Say what would change if the file were published."""
    from digital_cs.catalog.policy_words import diff as differences
    from digital_cs.cli import output

    wanted, found = _usable(content), _in_force()
    changes = differences(found.policy, wanted)
    if as_json:
        output.emit({"version": found.version, "changes": changes})
    else:
        output.say("\n".join(changes) if changes else "They say the same.")


@app.command(epilog="Example: digital-cs policy publish --dry-run")
def publish(
    content: Content = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Put the policy of the file in force, for all messages from now on.

    Whoever rests before a message is decided anew: what may go now goes when its send window is
    open, spread out where much is overdue. Nothing that was sent is counted otherwise than before,
    and who is held out of a program already stays so.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.temporal.policies import publish_policy

    wanted = _usable(content)
    done = ask(lambda gateway: publish_policy(gateway, wanted, dry_run=dry_run))
    if as_json:
        output.emit({"dry_run": dry_run, **_facts(done)})
        return
    for change in done.changes:
        output.say(change)
    output.say(_published_words(done, dry_run))


@app.command(epilog="Example: digital-cs policy history")
def history(as_json: Json = False) -> None:
    """List every published policy, the newest first, with what it changed."""
    from digital_cs.catalog.policy_words import diff as differences
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.domain.sending.policy import Policy
    from digital_cs.store.sending import policies

    async def question(gateway: Gateway) -> list[Published]:
        async with gateway.pool.connection() as connection:
            return await policies.history(connection)

    found = ask(question)
    before = [*(each.policy for each in found[1:]), Policy()]
    rows = [
        (each, differences(old, each.policy)) for each, old in zip(found, before, strict=True)
    ] if found else []  # fmt: skip
    if as_json:
        output.emit([{"version": each.version, "published_at": each.published_at,
                      "changes": changes} for each, changes in rows])  # fmt: skip
        return
    if not rows:
        output.say("No policy was published yet: the defaults hold.")
        return
    output.table(
        [">version", "since (UTC)", "~changes"],
        ([each.version, output.stamp(each.published_at), "\n".join(changes) or "none"]
         for each, changes in rows),
    )  # fmt: skip


def _loaded(content: Path | None) -> tuple[Path, LoadedPolicy]:
    """The policy of the content folder with its complaints. Raises NotFoundError without one."""
    from digital_cs.catalog.policy import FILE, load_policy
    from digital_cs.catalog.programs import email_names, load_programs
    from digital_cs.config import load_settings
    from digital_cs.errors import NotFoundError

    folder = content or load_settings().content_dir
    programs = load_programs(folder)
    known = None if programs.errors else programs.programs.values()
    loaded = load_policy(folder, email_names(folder), known)
    if not loaded.there:
        raise NotFoundError(
            f"There is no file {folder / FILE}: set CONTENT_DIR, or write one. Until then the"
            " defaults hold, which `digital-cs policy show` shows."
        )
    return folder, loaded


def _usable(content: Path | None) -> Policy:
    """The policy of the content folder. Shows its complaints and ends the command on an error."""
    from digital_cs.cli.check import refuse

    _, loaded = _loaded(content)
    if loaded.policy is None:
        refuse(loaded.errors, "The policy cannot be used: correct what stands above.")
    return loaded.policy


def _in_force() -> Published:
    from digital_cs.cli.connection import ask
    from digital_cs.store.sending import policies

    async def question(gateway: Gateway) -> Published:
        async with gateway.pool.connection() as connection:
            return await policies.current(connection)

    return ask(question)


def _facts(done: PublishedPolicy) -> dict[str, object]:
    return {"version": done.version, "new": done.new, "first": done.first,
            "changes": done.changes, "decided_anew": done.woken}  # fmt: skip


def _published_words(done: PublishedPolicy, dry_run: bool) -> str:
    from digital_cs.cli.output import count_of

    if not done.new:
        return f"Policy: unchanged, version {done.version}."
    words = f"Policy: version {done.version} {'would be' if dry_run else 'is'} in force."
    if done.first and not done.changes:
        words += " It says what the defaults say."
    if done.woken:
        verb = "would be" if dry_run else "are"
        resting = count_of(done.woken, "enrollment that rests", "enrollments that rest")
        words += f" {resting} before a message {verb} decided anew."
    return words
