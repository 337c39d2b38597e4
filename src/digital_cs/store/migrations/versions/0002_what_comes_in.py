"""What comes in: people apart from accounts, events in day partitions, usage, tickets, sources."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE memberships (
      contact_id TEXT NOT NULL,
      account_id TEXT NOT NULL,
      joined_at TIMESTAMP WITH TIME ZONE NOT NULL,
      left_at TIMESTAMP WITH TIME ZONE,
      roles TEXT[] DEFAULT '{}'::text[] NOT NULL,
      source TEXT DEFAULT '' NOT NULL,
      CONSTRAINT pk_memberships PRIMARY KEY (contact_id, account_id, joined_at),
      CONSTRAINT fk_memberships_contact_id FOREIGN KEY(contact_id) REFERENCES contacts (id),
      CONSTRAINT fk_memberships_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
    )
    """,
    """
    CREATE INDEX ix_memberships_account_id ON memberships (account_id)
    """,
    """
    CREATE UNIQUE INDEX uq_memberships_now ON memberships (contact_id, account_id) WHERE left_at is null
    """,
    """
    CREATE TABLE identities (
      alias TEXT NOT NULL,
      contact_id TEXT NOT NULL,
      kind TEXT NOT NULL,
      at TIMESTAMP WITH TIME ZONE NOT NULL,
      source TEXT DEFAULT '' NOT NULL,
      CONSTRAINT pk_identities PRIMARY KEY (alias),
      CONSTRAINT fk_identities_contact_id FOREIGN KEY(contact_id) REFERENCES contacts (id)
    )
    """,
    """
    CREATE INDEX ix_identities_contact_id ON identities (contact_id)
    """,
    """
    CREATE TABLE subscriptions (
      id TEXT NOT NULL,
      account_id TEXT NOT NULL,
      product TEXT DEFAULT '' NOT NULL,
      plan TEXT,
      starts_on DATE NOT NULL,
      ends_on DATE,
      mrr NUMERIC,
      seats INTEGER,
      trial BOOLEAN DEFAULT false NOT NULL,
      traits JSONB DEFAULT '{}'::jsonb NOT NULL,
      source TEXT DEFAULT '' NOT NULL,
      updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
      CONSTRAINT pk_subscriptions PRIMARY KEY (id),
      CONSTRAINT fk_subscriptions_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
    )
    """,
    """
    CREATE INDEX ix_subscriptions_account_id ON subscriptions (account_id)
    """,
    """
    CREATE TABLE event_days (
      day DATE NOT NULL,
      state TEXT NOT NULL,
      last_received_at TIMESTAMP WITH TIME ZONE NOT NULL,
      CONSTRAINT pk_event_days PRIMARY KEY (day)
    )
    """,
    """
    CREATE TABLE usage_rows (
      source TEXT NOT NULL,
      row_id TEXT NOT NULL,
      account_id TEXT NOT NULL,
      event TEXT NOT NULL,
      day DATE NOT NULL,
      n BIGINT NOT NULL,
      users INTEGER NOT NULL,
      value FLOAT NOT NULL,
      CONSTRAINT pk_usage_rows PRIMARY KEY (source, row_id)
    )
    """,
    """
    CREATE INDEX ix_usage_rows_day ON usage_rows (account_id, event, day)
    """,
    """
    CREATE TABLE milestone_definitions (
      name TEXT NOT NULL,
      title TEXT NOT NULL,
      position INTEGER NOT NULL,
      rule JSONB DEFAULT '{}'::jsonb NOT NULL,
      content_hash TEXT NOT NULL,
      changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
      retired_at TIMESTAMP WITH TIME ZONE,
      CONSTRAINT pk_milestone_definitions PRIMARY KEY (name)
    )
    """,
    """
    CREATE TABLE account_links (
      source TEXT NOT NULL,
      external_id TEXT NOT NULL,
      account_id TEXT NOT NULL,
      CONSTRAINT pk_account_links PRIMARY KEY (source, external_id),
      CONSTRAINT fk_account_links_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
    )
    """,
    """
    CREATE INDEX ix_account_links_account_id ON account_links (account_id)
    """,
    """
    CREATE TABLE tickets (
      id TEXT NOT NULL,
      source TEXT NOT NULL,
      account_id TEXT,
      matched_by TEXT,
      contact_id TEXT,
      requester_email TEXT,
      organization TEXT,
      organization_account TEXT,
      organization_domains TEXT[] DEFAULT '{}'::text[] NOT NULL,
      account_given TEXT,
      subject TEXT,
      body TEXT,
      text_kept_until TIMESTAMP WITH TIME ZONE,
      status TEXT NOT NULL,
      severity TEXT,
      tags TEXT[] DEFAULT '{}'::text[] NOT NULL,
      topic TEXT,
      opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
      updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
      solved_at TIMESTAMP WITH TIME ZONE,
      CONSTRAINT pk_tickets PRIMARY KEY (id),
      CONSTRAINT fk_tickets_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
    )
    """,
    """
    CREATE INDEX ix_tickets_account ON tickets (account_id, opened_at)
    """,
    """
    CREATE INDEX ix_tickets_text ON tickets (text_kept_until) WHERE text_kept_until is not null
    """,
    """
    CREATE INDEX ix_tickets_waiting ON tickets (id) WHERE account_id is null
    """,
    """
    CREATE TABLE sources (
      name TEXT NOT NULL,
      kind TEXT NOT NULL,
      feeds TEXT[] DEFAULT '{}'::text[] NOT NULL,
      complete_through TIMESTAMP WITH TIME ZONE,
      last_received_at TIMESTAMP WITH TIME ZONE,
      received BIGINT DEFAULT 0 NOT NULL,
      refused BIGINT DEFAULT 0 NOT NULL,
      rate_per_minute FLOAT DEFAULT '0' NOT NULL,
      expected_every FLOAT,
      cursor TEXT,
      last_error TEXT,
      last_error_at TIMESTAMP WITH TIME ZONE,
      retired_at TIMESTAMP WITH TIME ZONE,
      CONSTRAINT pk_sources PRIMARY KEY (name)
    )
    """,
    """
    CREATE TABLE csv_mappings (
      name TEXT NOT NULL,
      noun TEXT NOT NULL,
      columns JSONB DEFAULT '{}'::jsonb NOT NULL,
      options JSONB DEFAULT '{}'::jsonb NOT NULL,
      saved_at TIMESTAMP WITH TIME ZONE NOT NULL,
      CONSTRAINT pk_csv_mappings PRIMARY KEY (name)
    )
    """,
    """
    CREATE TABLE product_events (
      id TEXT NOT NULL,
      day DATE NOT NULL,
      at TIMESTAMP WITH TIME ZONE NOT NULL,
      received_at TIMESTAMP WITH TIME ZONE NOT NULL,
      account_id TEXT,
      user_id TEXT,
      anonymous_id TEXT,
      kind TEXT NOT NULL,
      name TEXT NOT NULL,
      value FLOAT,
      properties JSONB DEFAULT '{}'::jsonb NOT NULL,
      source TEXT NOT NULL,
      CONSTRAINT pk_product_events PRIMARY KEY (id, day)
    )
     PARTITION BY RANGE (day)
    """,
    """
    CREATE INDEX ix_product_events_anonymous ON product_events (anonymous_id) WHERE anonymous_id is not null
    """,
    """
    CREATE INDEX ix_product_events_waiting ON product_events (user_id) WHERE account_id is null
    """,
)

PEOPLE_APART = (
    # A person is not part of an account any more: they belong to one, or to several.
    """
    insert into memberships (contact_id, account_id, joined_at, roles, source)
    select id, account_id, created_at, roles, '' from contacts
    """,
    """
    alter table contacts
      drop column account_id, drop column roles, alter column email drop not null,
      add column traits jsonb not null default '{}'::jsonb, add column updated_at timestamptz
    """,
    "update contacts set updated_at = created_at",
    "alter table contacts alter column updated_at set not null",
    "create index ix_contacts_domain on contacts (split_part(lower(email), '@', -1))",
)

USAGE_BY_EVENT = (
    # In the order of the key that windows of one event are read by; and with what is rolled up.
    "alter table usage_days drop constraint pk_usage_days",
    "alter table usage_days add constraint pk_usage_days primary key (account_id, event, day)",
    "alter table usage_days drop constraint fk_usage_days_account_id",
    """
    alter table usage_days
      alter column n type bigint, alter column users set default 0,
      add column value double precision not null default 0,
      add column first_at timestamptz, add column last_at timestamptz, add column user_keys bigint[]
    """,
    # Whether an event has happened is read from here: those of before are rolled up now.
    """
    insert into usage_days as u (account_id, event, day, n, users, first_at, last_at)
    select account_id, name, (at at time zone 'UTC')::date, count(*), count(distinct contact_id),
           min(at), max(at)
      from product_events_before group by 1, 2, 3
    on conflict (account_id, event, day) do update
       set first_at = excluded.first_at, last_at = excluded.last_at
    """,
)

EVENTS_BY_DAY = (
    """
    insert into event_days (day, state, last_received_at)
    select (at at time zone 'UTC')::date, 'open', max(received_at) from product_events_before
     group by 1
    """,
    """
    do $$
    declare d date;
    begin
      for d in select day from event_days loop
        execute format('create table %I partition of product_events for values from (%L) to (%L)',
                       'product_events_' || to_char(d, 'YYYYMMDD'), d, d + 1);
      end loop;
    end $$
    """,
    """
    insert into product_events (id, day, at, received_at, account_id, user_id, kind, name,
           properties, source)
    select id, (at at time zone 'UTC')::date, at, received_at, account_id, contact_id, 'track',
           name, properties, 'api'
      from product_events_before
    """,
    "drop table product_events_before",
)

FEEDS = (
    # One day for the whole company takes the place of one for each account.
    """
    insert into sources (name, kind, feeds, complete_through)
    select 'csv:usage', 'csv', '{usage}', (max(usage_through) + 1)::timestamp at time zone 'UTC'
      from accounts having max(usage_through) is not null
    """,
    "alter table accounts drop column usage_through",
    "alter table accounts add column domains text[] not null default '{}'::text[]",
    "create index ix_accounts_domains on accounts using gin (domains) with (fastupdate = off)",
    # Complete is only what every source of a feed has delivered.
    """
    create view feeds as
    select feed, case when bool_and(complete_through is not null) then min(complete_through) end
             as complete_through,
           case when bool_and(complete_through is not null)
                then (min(complete_through) at time zone 'UTC')::date - 1 end as complete_day
      from sources, unnest(feeds) as feed
     where retired_at is null
     group by feed
    """,
)

TAKE_BACK = (
    "drop view feeds",
    "alter table accounts drop column domains, add column usage_through date",
    """
    update accounts set usage_through = (
      select (min(complete_through) at time zone 'UTC')::date - 1 from sources
       where 'usage' = any(feeds) and retired_at is null)
    """,
    """
    create table product_events_before (
      id text constraint pk_product_events_before primary key, account_id text not null,
      contact_id text, name text not null, at timestamptz not null, received_at timestamptz not null,
      properties jsonb not null default '{}'::jsonb,
      constraint fk_product_events_account_id
        foreign key (account_id) references accounts (id))
    """,
    """
    insert into product_events_before
    select id, account_id, user_id, name, at, received_at, properties from product_events
     where account_id in (select id from accounts) on conflict do nothing
    """,
    "drop table product_events",
    "alter table product_events_before rename to product_events",
    "alter index pk_product_events_before rename to pk_product_events",
    "create index ix_product_events_account_name_at on product_events (account_id, name, at)",
    """
    alter table usage_days
      drop column value, drop column first_at, drop column last_at, drop column user_keys,
      alter column n type integer, alter column users drop default
    """,
    "alter table usage_days drop constraint pk_usage_days",
    "alter table usage_days add constraint pk_usage_days primary key (account_id, day, event)",
    "delete from usage_days where account_id not in (select id from accounts)",
    """
    alter table usage_days add constraint fk_usage_days_account_id
      foreign key (account_id) references accounts (id)
    """,
    # Whom that release cannot know: people without an account or an address.
    """
    alter table contacts add column account_id text, add column roles text[] not null
      default '{}'::text[], drop column traits, drop column updated_at
    """,
    """
    update contacts c set account_id = m.account_id, roles = m.roles
      from (select distinct on (contact_id) * from memberships
             order by contact_id, left_at desc nulls first, joined_at desc) m
     where m.contact_id = c.id
    """,
    *(
        f"drop table {name}"
        for name in (
            "csv_mappings",
            "sources",
            "tickets",
            "account_links",
            "milestone_definitions",
            "usage_rows",
            "event_days",
            "subscriptions",
            "identities",
            "memberships",
        )
    ),
    "delete from contacts where account_id is null or email is null",
    """
    alter table contacts alter column account_id set not null, alter column email set not null,
      add constraint fk_contacts_account_id
        foreign key (account_id) references accounts (id)
    """,
    "drop index ix_contacts_domain",
    "create index ix_contacts_account_id on contacts (account_id)",
)


def upgrade() -> None:
    op.execute("drop index ix_product_events_account_name_at")
    op.execute("alter table product_events rename to product_events_before")
    op.execute("alter index pk_product_events rename to pk_product_events_before")
    for statement in (*TABLES, *PEOPLE_APART, *USAGE_BY_EVENT, *EVENTS_BY_DAY, *FEEDS):
        op.execute(statement)


def downgrade() -> None:
    for statement in TAKE_BACK:
        op.execute(statement)
