"""`python -m digital_cs` is the command `digital-cs`."""

from __future__ import annotations

from digital_cs.cli.main import main

if __name__ == "__main__":
    main()
