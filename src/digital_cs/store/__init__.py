"""Postgres: tables, repositories, migrations."""
