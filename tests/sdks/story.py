"""One story that every SDK tells, in the words of the wire."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

ANN, ACME, BEFORE = "user-1", "acct-42", "anon-9"
USED = 120
"""How often a feature is used in it: more than one batch of any of the SDKs."""


def story(at: datetime) -> list[dict[str, Any]]:
    """Somebody comes, signs up, becomes known and a member of an account, and works."""

    def message(call: str, minute: int, **fields: Any) -> dict[str, Any]:
        moment = (at + timedelta(minutes=minute)).isoformat()
        return {"call": call, "timestamp": moment, **fields}

    who = {"userId": ANN}
    traits = {"email": "ann@acme.example", "firstName": "Ann", "name": "Ann Zażółć", "plan": "pro"}
    return [
        message("track", 0, anonymousId=BEFORE, event="Signed Up", properties={}),
        message("track", 1, **who, event="Report Exported", context={"groupId": ACME},
                properties={"format": "pdf", "revenue": 12.5}),
        message("identify", 2, **who, traits=traits),
        message("group", 3, **who, groupId=ACME, traits={"name": "Acme GmbH", "employees": 120}),
        message("page", 4, **who, category="Docs", name="Getting Started",
                properties={"url": "https://app.acme.example/docs"}),
        message("screen", 5, **who, category="Mobile", name="Home", properties={"x": 1}),
        message("alias", 6, previousId=BEFORE, userId=ANN),
        *(message("track", 7, **who, event="Feature Used", properties={"i": number})
          for number in range(USED)),
    ]  # fmt: skip
