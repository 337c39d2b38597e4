"""Settings of a Postgres with a machine of its own, as a company that sends in bulk gives it."""

from __future__ import annotations

import os

MEMORY = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")

OWN_SERVER = {"shared_buffers": f"{MEMORY // 4 >> 20}MB", "max_wal_size": "8GB"}
"""A quarter of the memory, as Postgres's manual advises, and no checkpoint every few seconds. Both
sides of a comparison work on the same server; what it was made with is not what is compared."""
