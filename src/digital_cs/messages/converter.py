"""The one data converter, for client, worker, replayer and tests."""

from __future__ import annotations

from temporalio.converter import DataConverter

# It reads frozen dataclasses and ignores fields that it does not know, as a rolling deploy needs.
CONVERTER = DataConverter.default
