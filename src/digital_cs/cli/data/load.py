"""`digital-cs load`: accounts, their people, subscriptions, usage, milestones, tickets, events."""

from __future__ import annotations

import typer

from digital_cs.cli.data import load_mappings
from digital_cs.cli.data import load_options as options
from digital_cs.cli.options import Json

SHORT = "Load CSV files: accounts, people, subscriptions, usage, tickets and more."
app = typer.Typer(
    no_args_is_help=True,
    help="Load CSV files: UTF-8, with commas, semicolons or tabs, packed with gzip or not. Good"
    " rows are taken, bad ones told by line and column (exit code 1). Loading a file again does no"
    " harm. docs/loading-data.md shows how.",
)

ACCOUNTS = """Load accounts.

Fields: id; and if you have them name, stage, managed (true or false), zone (like Europe/Berlin),
country (like DE), domains (its own e-mail domains, with semicolons between them, by which tickets
find it). Every other column is a trait of that name: numbers, true and false are taken
as such, dates as 2026-03-02. An empty cell leaves what is known as it is.
"""
CONTACTS = """Load contacts, the people of accounts.

Fields: id, account_id, email; and if you have them first_name, full_name, roles (with semicolons
between them: champion;admin), zone, language, active (true or false). A contact of several
accounts has a row for each.
"""
SUBSCRIPTIONS = """Load subscriptions: what accounts bought, or try.

Fields: id, account_id, starts_on; and if you have them ends_on (the first day without it; empty
while it runs), product, plan, mrr, seats, trial (true or false). A row says all of its
subscription: a repeat replaces it. Other columns are kept as traits if you map them.
"""
USAGE = """Load usage by day.

Fields: account_id or subscription_id, day, event, n (how often); and if you have them users (how
many people), value, and id. Without an id, a row is its whole day and replaces it. With one, it
is a part of its day: the parts are added up, each once, whichever file it comes in.

An account that is not in the file was not active, up to the day through which the feed is
complete: the last day in the file that is over, unless --through says otherwise. Before that day
is known, silence never counts as silence.
"""
MILESTONES = """Load milestones that accounts reached.

Fields: account_id, name, reached_at (a day or a moment). The earliest moment counts.
"""
TICKETS = """Load support tickets of any help desk.

Fields: id, opened_at; one or more of account_id, requester_email and organization, by which a
ticket finds its account; and if you have them updated_at, solved_at, status, severity, tags (with
semicolons between them), topic, organization_domains, subject, body. Say with --source which help
desk it is. Texts are kept only as long as the settings say.
"""
EVENTS = """Load product events; who enters a program through one, enters.

Fields: id (so that a repeat is harmless), account_id, name, at (2026-03-02T09:30:00+01:00); and
if you have them contact_id, value. Events add to the usage of their day.
"""
CONTENT_USES = """Load which content helped to answer which ticket.

Fields: article (an item's id, its place in its source, or its address), ticket (its id, or its
number at the only help desk that has it), at (when). Once the ticket is solved, that renews the
item as a review would.
"""
CONTENT_VOTES = """Load whether content helped its readers.

Fields: article (an item's id, its place in its source, or its address), reader (who says so),
helpful (true or false), at (when). A reader has one vote on an item: the latest counts.
"""


def _command(noun: str, words: str, example: str) -> None:
    """All kinds of files are loaded with the same options: one signature serves them."""

    @app.command(noun, help=words, epilog=f"Example: digital-cs load {noun} {example}")
    def command(
        file: options.File,
        map: options.Map = None,
        set: options.Set = None,
        value: options.Value = None,
        ignore: options.Ignore = None,
        id_from: options.IdFrom = None,
        dates: options.Dates = None,
        zone: options.Zone = None,
        mapping: options.MappingName = None,
        save_mapping: options.SaveMapping = None,
        dry_run: options.DryRun = False,
        errors: options.Errors = None,
        source: options.SourceName = None,
        through: options.Through = None,
        compare: options.Compare = None,
        as_json: Json = False,
    ) -> None:
        from digital_cs.cli.data.load_run import run

        run(
            noun,
            options.Wanted(
                file, tuple(map or ()), tuple(set or ()), tuple(value or ()), tuple(ignore or ()),
                id_from, dates, zone, mapping, save_mapping, dry_run, errors, source,
                through.date() if through else None, compare, as_json,
            ),
        )  # fmt: skip


for _noun, _words, _example in (
    ("accounts", ACCOUNTS, "accounts.csv --map id=account_id --dates DD-MM-YYYY --dry-run"),
    ("contacts", CONTACTS, "contacts.csv --errors refused.csv"),
    ("subscriptions", SUBSCRIPTIONS, "subs.csv.gz --id-from account_id,product,start_date"),
    ("usage", USAGE, "usage.csv --through 2026-03-02"),
    ("milestones", MILESTONES, "reached.csv --map reached_at=date"),
    ("tickets", TICKETS, "tickets.csv --source freshdesk --mapping freshdesk"),
    ("content-uses", CONTENT_USES, "links.csv --map article=url --dates YYYY-MM-DD"),
    ("content-votes", CONTENT_VOTES, "votes.csv --map reader=user_id"),
    ("events", EVENTS, "churn.csv --set name=churned --compare churn_flag=true"),
):
    _command(_noun, _words, _example)
app.command("mappings", epilog=load_mappings.EXAMPLE)(load_mappings.mappings)
