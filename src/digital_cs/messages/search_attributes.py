"""The search attributes of our workflows: ids only, declared once."""

from __future__ import annotations

from temporalio.common import SearchAttributeKey

PROGRAM = SearchAttributeKey.for_keyword("DcsProgram")
ACCOUNT = SearchAttributeKey.for_keyword("DcsAccount")

DECLARED = {PROGRAM.name: "Keyword", ACCOUNT.name: "Keyword"}
"""Name to type, as a server is told at its start or by `digital-cs migrate`."""
