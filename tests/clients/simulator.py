"""The simulators that `run` started, and their side doors."""

import itertools
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass

import requests

_line = json.loads(os.environ["SIMULATOR"])

WEDOF = _line["wedof"]
SHEETS = _line["sheets"].rstrip("/")
API_KEY = _line["apiKey"]
CREDENTIALS = _line["credentials"]

with open(CREDENTIALS, encoding="utf-8") as _file:
    SERVICE_ACCOUNT = json.load(_file)["client_email"]

_numbers = itertools.count(1)


@dataclass
class Side:
    """One of the two addresses."""

    base: str

    def admin(self, method, path, body=None):
        answer = requests.request(method, f"{self.base}{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer

    @contextmanager
    def settings(self, **settings):
        """Switches for the length of a block; afterwards all have their defaults again."""
        self.admin("PUT", "/_settings", settings)
        try:
            yield
        finally:
            self.admin("PUT", "/_settings", {})

    @contextmanager
    def fault(self, **fault):
        self.admin("POST", "/_faults", fault)
        try:
            yield
        finally:
            self.admin("DELETE", "/_faults")


wedof = Side(WEDOF.removesuffix("/api"))
google = Side(SHEETS)


def new_spreadsheet(role="writer"):
    """The ID of a fresh spreadsheet, shared with the service account (or with nobody)."""
    spreadsheet = f"1Client{next(_numbers):037d}"
    sharing = {SERVICE_ACCOUNT: role} if role else {}
    google.admin("POST", "/_sheets", {"id": spreadsheet, "title": "Suivi", "sharing": sharing})
    return spreadsheet


def share(spreadsheet, role):
    google.admin("PUT", f"/_sheets/{spreadsheet}/sharing", {SERVICE_ACCOUNT: role})
