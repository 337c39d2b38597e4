"""The app: every address of the API and of the links in e-mails, behind one door."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from psycopg_pool import AsyncConnectionPool
from starlette.types import ASGIApp, Receive, Scope, Send

from digital_cs import __version__
from digital_cs.channels import sns
from digital_cs.config import Settings
from digital_cs.console import (
    account_why,
    accounts,
    archive,
    clicks,
    enrollments,
    errors,
    events,
    health,
    issue_pages,
    openapi,
    preferences,
    returned,
    review_pages,
    segment,
    sending,
    unsubscribe,
    zendesk,
)
from digital_cs.console.door import API, Door
from digital_cs.console.openapi import DescribedApp
from digital_cs.console.recipients import Recipients
from digital_cs.ingest.events.incoming import Taker
from digital_cs.ingest.mail.returned import Returns
from digital_cs.ingest.mail.returned_postmark import PostmarkWebhook
from digital_cs.ingest.mail.returned_ses import SesWebhook
from digital_cs.ingest.support.zendesk_webhook import ZendeskWebhook
from digital_cs.rendering.context import SenderView
from digital_cs.rendering.library import EmailLibrary
from digital_cs.signing import Signer
from digital_cs.signing_links import LinkSigner
from digital_cs.temporal.gateway import Gateway


def build_app(
    gateway: Gateway,
    pool: AsyncConnectionPool[Any],
    settings: Settings,
    signer: Signer,
    taker: Taker,
    sns_fetch: sns.Fetch = sns.fetch,
) -> ASGIApp:
    """The ASGI app on these parts; it opens and closes none of them. `sns_fetch` gets what lies at
    an address of Amazon SNS."""
    app = DescribedApp(
        title="digital-cs",
        version=__version__,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # the pages for people load their scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        strict_content_type=False,
        # A span would carry the path, and with it the token of somebody's unsubscribe link.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.add_middleware(Door, api_key=settings.api_key)
    errors.install(app)
    for routes in (
        enrollments.router(gateway), account_why.router(gateway, settings.workspace_zone),
        accounts.router(gateway, settings.workspace_zone),
        events.router(gateway), sending.router(gateway),
    ):  # fmt: skip
        app.include_router(routes, prefix=API, responses=openapi.REFUSALS)
    sources = settings.sources_by_key()
    by_sdks = segment.router(taker, gateway.clock, sources, settings.write_rate)
    app.include_router(by_sdks, prefix=API)
    app.include_router(zendesk.router(_webhook(gateway, pool, settings)), prefix=API)
    app.include_router(_returned(gateway, pool, settings, sns_fetch), prefix=API)
    recipients = Recipients(pool, gateway.clock, signer, settings.mail_from)
    app.include_router(unsubscribe.router(recipients))
    app.include_router(preferences.router(recipients))
    followed = clicks.Wanted(settings.clicks == "record", settings.opens == "record")
    app.include_router(
        clicks.router(
            pool, gateway.clock, LinkSigner(*settings.link_keys()), settings.mail_domain, followed
        )
    )
    app.include_router(review_pages.router(pool, gateway.clock, settings))
    sender = SenderView(settings.mail_from.split("<")[0].strip(), settings.mail_footer)
    publisher = archive.Publisher(sender, settings.public_url, settings.app_url)
    app.include_router(archive.router(pool, EmailLibrary(settings.content_dir), publisher))
    app.include_router(issue_pages.router(gateway, settings, sender))
    app.include_router(health.router(pool))
    straight = segment.straight(by_sdks, API)
    return _past(app, {path: Door(each, settings.api_key) for path, each in straight.items()})


def _past(app: ASGIApp, posts: Mapping[str, ASGIApp]) -> ASGIApp:
    """The app, but for a POST to one of these paths, which goes past it."""

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        found = posts.get(scope["path"]) if scope.get("method") == "POST" else None
        await (found or app)(scope, receive, send)

    return dispatch


def _returned(
    gateway: Gateway, pool: AsyncConnectionPool[Any], settings: Settings, fetch: sns.Fetch
) -> APIRouter:
    returns = Returns(
        pool=pool, clock=gateway.clock, mail_domain=settings.mail_domain,
        kept_days=settings.returned_kept_days,
    )  # fmt: skip
    topic, secret = settings.ses_topic_arn, settings.postmark_webhook_secret
    return returned.router(
        SesWebhook(returns, sns.SnsTopic(topic, fetch)) if topic else None,
        PostmarkWebhook(returns, secret.get_secret_value()) if secret else None,
    )


def _webhook(
    gateway: Gateway, pool: AsyncConnectionPool[Any], settings: Settings
) -> ZendeskWebhook | None:
    if settings.zendesk_webhook_secret is None:
        return None
    return ZendeskWebhook(
        pool=pool, clock=gateway.clock, secret=settings.zendesk_webhook_secret.get_secret_value(),
        text_days=settings.ticket_text_days,
    )  # fmt: skip
