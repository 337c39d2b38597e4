"""Tests of the activities: a whole touch, from Postgres to the mail server."""
