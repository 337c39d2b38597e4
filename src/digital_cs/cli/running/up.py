"""`digital-cs up`: everything on this machine, in real time, until it is told to stop."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.options import Json

if TYPE_CHECKING:
    from digital_cs.cli.running.household import Household
    from digital_cs.config import Settings
    from digital_cs.temporal.gateway import Gateway

EXAMPLE = "Example: STATE_DIR=./var SMTP_HOST=mail.example.com digital-cs up"
LOOK_SECONDS = 0.5
FOREIGN = ("DATABASE_URL", "DATABASE_URL_FILE", "TEMPORAL_ADDRESS", "TEMPORAL_PROFILE")

Port = typer.Option(min=1, max=65535, help="Port; otherwise that of the last time, or a free one.")


def up(
    temporal_port: Annotated[int | None, Port] = None,
    ui_port: Annotated[int | None, Port] = None,
    smtp_port: Annotated[int | None, Port] = None,
    ui: Annotated[bool, typer.Option("--ui/--no-ui", help="Serve Temporal's web pages.")] = True,
    worker: Annotated[
        bool, typer.Option("--worker/--no-worker", help="Start a worker as well.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Run everything here: Postgres, Temporal, a mail sink, a worker and the API, until Ctrl-C.

    With RETURNED_PORT, mail that comes back is taken as well.
    State is kept in STATE_DIR: stop and start it as you like. The first time, the playbook in
    CONTENT_DIR is published: policy, programs, segments, triggers and milestones. Mail goes to a
    folder and to nobody, unless SMTP_HOST is set. Other commands, given the same STATE_DIR, find
    all of this by themselves.
    """
    from digital_cs.cli import output
    from digital_cs.cli.running.household import Household, Ports
    from digital_cs.config import load_settings
    from digital_cs.errors import UsageError

    taken = [name for name in FOREIGN if os.environ.get(name)]
    if taken:
        raise UsageError(
            f"{' and '.join(taken)} is set, but `digital-cs up` runs servers of its own. Unset it,"
            " or use yours with `digital-cs migrate` and `digital-cs worker`."
        )
    settings = load_settings()
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Not by way of SIGINT: a shell lets its background jobs ignore that.
        signal.signal(number, signal.default_int_handler)

    def progress(part: str, state: str) -> None:
        output.complain(f"{part}: {state}")

    ports = Ports(temporal_port, ui_port, smtp_port)
    try:
        with Household(settings, ports, ui=ui, worker=worker, on_progress=progress) as household:
            _publish_first(household)
            household.start_worker()
            household.start_api()
            household.start_returned()
            _tell(household, settings, as_json)
            while True:
                time.sleep(LOOK_SECONDS)
                household.mend()
    except KeyboardInterrupt:
        output.complain("Everything is stopped; the state is kept.")


def _publish_first(household: Household) -> None:
    """The first time, publish policy, milestones, segments, triggers and programs, as far as they
    have no errors."""
    from digital_cs.catalog.milestones import load_milestones
    from digital_cs.catalog.policy import load_policy
    from digital_cs.catalog.programs import load_programs
    from digital_cs.catalog.segments import load_segments, segments_of
    from digital_cs.catalog.triggers import load_triggers, sound_together, triggers_of
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.errors import NotFoundError
    from digital_cs.ingest.rules.calendars import calendar_of
    from digital_cs.store.programs import programs
    from digital_cs.temporal.playbook import TakenIn, take_in
    from digital_cs.temporal.policies import publish_policy
    from digital_cs.temporal.segments import publish_segments
    from digital_cs.temporal.triggers import publish_triggers

    try:
        catalog = load_programs(household.settings.content_dir)
        milestones = load_milestones(household.settings.content_dir)
        segments = load_segments(household.settings.content_dir)
        triggers = load_triggers(household.settings.content_dir)
        policy = load_policy(household.settings.content_dir)
    except NotFoundError as error:
        output.complain(f"No program is published: {error}")
        return

    async def question(gateway: Gateway) -> tuple[tuple[int, ...], TakenIn] | None:
        async with gateway.pool.connection() as connection:
            if await programs.list_programs(connection):
                return None
        if policy.policy is not None:
            await publish_policy(gateway, policy.policy)
        if milestones.there and not milestones.problems:
            await gateway.declare_milestones(milestones.milestones)
        found, sound = sound_together(segments.sound, triggers.by_name)
        await publish_segments(gateway, list(found.values()), coming=sound)
        await publish_triggers(gateway, list(sound.values()))
        usable = [
            p
            for p in catalog.programs.values()
            if segments_of(p) <= found.keys() and triggers_of(p) <= sound.keys()
        ]
        done = await gateway.publish(usable)
        folder, zone = household.settings.content_dir, household.settings.workspace_zone
        calendar = await calendar_of(gateway.pool, gateway.clock, folder)()
        taken = await take_in(gateway, folder, calendar, zone)
        return (len(done), len(found), len(sound), len(milestones.milestones)), taken

    answer = ask(question)
    if answer is not None:
        counts, taken = answer
        counts += (taken.topics, taken.newsletters, taken.items)
        kinds = ("program", "segment", "trigger", "milestone", "topic", "newsletter")
        nouns = zip(counts, (*kinds, "item of the library"), strict=True)
        parts = [
            output.count_of(count, noun, "items of the library" if noun not in kinds else None)
            for count, noun in nouns
        ]
        parts += ["the policy"] * (policy.policy is not None)
        output.complain(
            f"Playbook: {', '.join(parts[:-1])} and {parts[-1]} published"
            f" from {household.settings.content_dir}"
        )
        broken = (catalog, segments, triggers, policy)
        if milestones.problems or taken.broken or any(each.errors for each in broken):
            output.complain("Some have errors and were left out: see `digital-cs check`.")


def _tell(household: Household, settings: Settings, as_json: bool) -> None:
    from digital_cs.cli import output

    running = household.stack.running
    if as_json:
        output.emit({**running.model_dump(mode="json"), "mail_folder": household.mail_dir})
        return
    mail = (
        f"{settings.smtp_host}:{settings.smtp_port}"
        if settings.smtp_host
        else f"kept in {household.mail_dir}, sent to nobody"
    )
    key = "API_KEY" if settings.api_key else household.state_dir / "api.key"
    given = settings.write_keys.get_secret_value()
    write_key = "WRITE_KEYS" if given else household.state_dir / "write.key"
    prefix = "" if str(settings.state_dir) == "var" else f"STATE_DIR={settings.state_dir} "
    output.say(
        f"\nEverything runs. Ctrl-C stops it.\n\n"
        f"  Database   {running.database_url}\n"
        f"  Temporal   {running.temporal_address}, namespace {running.temporal_namespace}\n"
        f"  Web pages  {running.temporal_ui_url or 'none (--ui serves them)'}\n"
        f"  Mail       {mail}\n"
        f"  API        http://127.0.0.1:{household.api_port}, key in {key}\n"
        f"  Events     the same address for Segment's SDKs, write key in {write_key}\n"
        f"  Logs       {household.state_dir / 'logs'}\n\n"
        "In another terminal:\n\n"
        f"  {prefix}digital-cs load accounts accounts.csv\n"
        f"  {prefix}digital-cs program list\n"
        f"  {prefix}digital-cs trigger list\n"
        f"  {prefix}digital-cs enroll welcome-trial ACCOUNT\n"
        f"  {prefix}digital-cs account show ACCOUNT\n"
    )
