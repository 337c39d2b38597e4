"""The command `digital-cs`: every command in one tree, and one exit for all of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from digital_cs.cli import check
from digital_cs.cli.broadcasts import broadcast, broadcast_buttons, broadcast_show, broadcast_trial
from digital_cs.cli.content import (
    content,
    content_carry_over,
    content_check,
    content_digest,
    content_feedback,
    content_freshness,
    content_import,
    content_links,
    content_review,
    content_upcoming,
)
from digital_cs.cli.data import account, account_why, contact, load, sources
from digital_cs.cli.newsletters import (
    newsletter,
    newsletter_answers,
    newsletter_issue,
    newsletter_report,
)
from digital_cs.cli.output import complain
from digital_cs.cli.programs import (
    buttons,
    enroll,
    enrollment,
    holdout,
    inside,
    program,
    program_allow,
    simulate,
    task,
    trouble,
)
from digital_cs.cli.rules import milestone, segment, segment_answers, trigger, trigger_backtest
from digital_cs.cli.running import api, doctor, migrate, settings, up, worker
from digital_cs.cli.running.demo import demo
from digital_cs.cli.sending import (
    incident,
    message,
    message_preview,
    policy,
    returned,
    returned_doors,
    sending,
    suppress,
    suppression,
    suppression_files,
)
from digital_cs.cli.support import tickets, topics, topics_month, topics_proposals, topics_shown
from digital_cs.errors import DigitalCsError

INTERRUPTED = 130
FAULT = 70

app = typer.Typer(
    name="digital-cs",
    help="Programs for every account, that run for months and lose nothing.\n\n"
    "Exit codes: 0 done, 1 problems found, 2 asked wrongly, 3 a server is not available,"
    " 4 not found, 5 a choice is needed.",
    epilog="Example: digital-cs up",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

_RUNNING, _PEOPLE, _CONTENT = "Running it", "Accounts and work", "Content and programs"

app.command(epilog="Example: DEMO_SECONDS=90 digital-cs demo", rich_help_panel=_RUNNING)(demo)
app.command(epilog=up.EXAMPLE, rich_help_panel=_RUNNING)(up.up)
app.command(epilog=worker.EXAMPLE, rich_help_panel=_RUNNING)(worker.worker)
app.command(epilog=api.EXAMPLE, rich_help_panel=_RUNNING)(api.api)
app.command(epilog=migrate.EXAMPLE, rich_help_panel=_RUNNING)(migrate.migrate)
app.command(epilog=doctor.EXAMPLE, rich_help_panel=_RUNNING)(doctor.doctor)
app.command(epilog=settings.EXAMPLE, rich_help_panel=_RUNNING)(settings.settings)
app.add_typer(sending.app, name="sending", rich_help_panel=_RUNNING)
app.add_typer(incident.app, name="incident", rich_help_panel=_RUNNING)
app.command(epilog=check.EXAMPLE, rich_help_panel=_CONTENT)(check.check)
for name, command, example in (
    ("simulate", simulate.simulate, simulate.EXAMPLE),
    ("allow", program_allow.allow, program_allow.EXAMPLE),
    ("pause", buttons.pause, "Example: digital-cs program pause renewal"),
    ("resume", buttons.resume, 'Example: digital-cs program resume renewal --spread "3 days"'),
    ("open", buttons.open_, "Example: digital-cs program open renewal"),
    ("stop", buttons.stop, "Example: digital-cs program stop renewal --finish"),
    ("move", inside.move, inside.EXAMPLE),
    ("holdout", holdout.holdout, holdout.EXAMPLE),
):
    program.app.command(name, epilog=example)(command)
app.add_typer(program.app, name="program", rich_help_panel=_CONTENT)
broadcast.app.command("test", epilog=broadcast_trial.EXAMPLE)(broadcast_trial.trial)
broadcast.app.command(epilog=broadcast_show.EXAMPLE)(broadcast_show.show)
broadcast.app.command(epilog=broadcast_buttons.START)(broadcast_buttons.start)
broadcast.app.command(epilog=broadcast_buttons.PAUSE)(broadcast_buttons.pause)
broadcast.app.command(epilog=broadcast_buttons.RESUME)(broadcast_buttons.resume)
broadcast.app.command(epilog=broadcast_buttons.CANCEL)(broadcast_buttons.cancel)
broadcast.app.command(epilog=broadcast_buttons.RATE)(broadcast_buttons.rate)
app.add_typer(broadcast.app, name="broadcast", rich_help_panel=_CONTENT)
app.add_typer(policy.app, name="policy", rich_help_panel=_CONTENT)
app.add_typer(milestone.app, name="milestone", rich_help_panel=_CONTENT)
segment.app.command("preview", epilog=segment_answers.PREVIEW)(segment_answers.preview)
segment.app.command("explain", epilog=segment_answers.EXPLAIN)(segment_answers.explain)
app.add_typer(segment.app, name="segment", rich_help_panel=_CONTENT)
trigger.app.command("backtest", epilog=trigger_backtest.EXAMPLE)(trigger_backtest.backtest)
app.add_typer(trigger.app, name="trigger", rich_help_panel=_CONTENT)
content.app.command("import", epilog=content_import.EXAMPLE)(content_import.import_)
content.app.command(epilog=content_freshness.EXAMPLE)(content_freshness.freshness)
content.app.command(epilog=content_upcoming.EXAMPLE)(content_upcoming.upcoming)
content.app.command(epilog=content_digest.EXAMPLE)(content_digest.digest)
content.app.command(epilog=content_review.REVIEW)(content_review.review)
content.app.command(epilog=content_review.BLOCK)(content_review.block)
content.app.command(epilog=content_review.UNBLOCK)(content_review.unblock)
content.app.command(epilog=content_review.RETIRE)(content_review.retire)
content.app.command(epilog=content_feedback.USED)(content_feedback.used)
content.app.command(epilog=content_feedback.VOTE)(content_feedback.vote)
content.app.command(epilog=content_check.EXAMPLE)(content_check.check)
content.app.command(epilog=content_carry_over.EXAMPLE)(content_carry_over.carry_over)
content.app.add_typer(content_links.app, name="links")
app.add_typer(content.app, name="content", rich_help_panel=_CONTENT)
for about_one, example in (
    *newsletter_issue.COMMANDS,
    *newsletter_answers.COMMANDS,
    *newsletter_report.COMMANDS,
):
    newsletter.app.command(epilog=example)(about_one)
app.add_typer(newsletter.app, name="newsletter", rich_help_panel=_CONTENT)
app.add_typer(load.app, name="load", short_help=load.SHORT, rich_help_panel=_PEOPLE)
app.command(epilog=enroll.EXAMPLE, rich_help_panel=_PEOPLE)(enroll.enroll)
app.add_typer(enrollment.app, name="enrollment", rich_help_panel=_PEOPLE)
app.add_typer(sources.app, name="sources", rich_help_panel=_PEOPLE)
account.app.command("why", epilog=account_why.EXAMPLE)(account_why.why)
app.add_typer(account.app, name="account", rich_help_panel=_PEOPLE)
app.add_typer(contact.app, name="contact", rich_help_panel=_PEOPLE)
app.add_typer(task.app, name="task", rich_help_panel=_PEOPLE)
app.add_typer(tickets.app, name="tickets", rich_help_panel=_PEOPLE)
topics.app.command("list", epilog=topics_shown.LIST)(topics_shown.list_)
topics.app.command(epilog=topics_shown.SHOW)(topics_shown.show)
topics.app.command(epilog=topics_shown.EXPLAIN)(topics_shown.explain)
topics.app.command(epilog=topics_month.RANK)(topics_month.rank)
topics.app.command(epilog=topics_month.MONTH)(topics_month.month)
topics.app.command(epilog=topics_proposals.PROPOSE)(topics_proposals.propose)
topics.app.command(epilog=topics_proposals.PROPOSALS)(topics_proposals.proposals)
topics.app.command(epilog=topics_proposals.NAME)(topics_proposals.name)
topics.app.command(epilog=topics_proposals.MERGE)(topics_proposals.merge)
topics.app.command(epilog=topics_proposals.REFUSE)(topics_proposals.refuse)
app.add_typer(topics.app, name="topics", rich_help_panel=_CONTENT)
message.app.command("preview", epilog=message_preview.EXAMPLE)(message_preview.preview)
app.add_typer(message.app, name="message", rich_help_panel=_PEOPLE)
returned.app.command(epilog=returned_doors.LISTEN)(returned_doors.listen)
returned.app.command(epilog=returned_doors.PULL)(returned_doors.pull)
app.add_typer(returned.app, name="returned", rich_help_panel=_PEOPLE)
app.command(epilog=suppress.EXAMPLE, rich_help_panel=_PEOPLE)(suppress.suppress)
suppression.app.command("import", epilog=suppression_files.IMPORT)(suppression_files.import_)
suppression.app.command(epilog=suppression_files.EXPORT)(suppression_files.export)
app.add_typer(suppression.app, name="suppression", rich_help_panel=_PEOPLE)
app.command(epilog=trouble.ALERTS, rich_help_panel=_PEOPLE)(trouble.alerts)
app.add_typer(trouble.app, name="webhook", rich_help_panel=_PEOPLE)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives its exit code. Errors of the house are one sentence on stderr."""
    try:
        app(args=arguments, prog_name="digital-cs")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except DigitalCsError as error:
        complain(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough; what is left to flush would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # what is left is a server's fault, or ours
        return _unexpected(error)
    return 0


def _unexpected(error: Exception) -> int:
    import traceback

    from psycopg import OperationalError

    if isinstance(error, OperationalError):
        from digital_cs.cli.connection import no_database
        from digital_cs.errors import UnavailableError

        complain(no_database(error))
        return UnavailableError.exit_code
    traceback.print_exception(error)
    complain("This is a fault in digital-cs. What stands above tells its makers where.")
    return FAULT


def main() -> NoReturn:
    """The entry of the process. It leaves without the interpreter's own exit, for a process that
    used the Temporal SDK may abort there after all its work is done."""
    code = run()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            code = code or 1  # a full disk must not look like success
    os._exit(code)
