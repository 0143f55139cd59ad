"""A client of Wedof's API in the style of those in production pages through the Wedof simulator, with plain requests."""

import time
import unittest
from datetime import datetime
from email.utils import parsedate_to_datetime

import requests

import simulator

LIMIT = 100
TRIES = 3
LONGEST_WAIT = 15


class Wedof:
    """Every page of a list, checked as a careful client checks them."""

    def __init__(self, key=simulator.API_KEY):
        self.http = requests.Session()
        self.http.headers.update({"X-Api-Key": key, "Accept": "application/json", "User-Agent": "clients-test"})
        self.waited = []

    def get(self, path, **params):
        for _ in range(TRIES):
            answer = self.http.get(f"{simulator.WEDOF}/{path}", params=params, timeout=(5, 45))
            if answer.status_code not in (429, 503):
                break
            self.wait(answer.headers.get("Retry-After"))
        return answer

    def wait(self, retry_after):
        if retry_after is None:
            seconds = 1.0
        elif retry_after.isdigit():
            seconds = float(retry_after)
        else:
            seconds = (parsedate_to_datetime(retry_after) - datetime.now().astimezone()).total_seconds()
        self.waited.append(seconds)
        time.sleep(min(max(seconds, 0), LONGEST_WAIT))

    def all(self, path, **params):
        records, page = [], 1
        while True:
            answer = self.get(path, page=page, limit=LIMIT, **params)
            answer.raise_for_status()
            total = int(answer.headers["x-total-count"])
            assert int(answer.headers["x-current-page"]) == page
            assert int(answer.headers["x-item-per-page"]) == LIMIT
            found = answer.json()
            assert isinstance(found, list)
            records += found
            if len(records) >= total:
                return records
            assert found, "an empty page before the total"
            page += 1


class Reading(unittest.TestCase):
    def setUp(self):
        self.wedof = Wedof()

    def test_the_key_opens_the_account_that_it_belongs_to(self):
        me = self.wedof.get("users/me").json()
        organism = self.wedof.get("organisms/me").json()
        self.assertEqual(me["_links"]["mainOrganism"]["siret"], organism["siret"])
        users = self.wedof.get("users", siret=organism["siret"]).json()
        self.assertIn(me["email"], [user["email"] for user in users])

    def test_every_folder_is_read_once(self):
        folders = self.wedof.all("registrationFolders", sort="id", order="asc")
        self.assertEqual(len(folders), 230)
        self.assertEqual(len({folder["externalId"] for folder in folders}), 230)

    def test_every_list_can_be_paged(self):
        for path in ("certificationFolders", "attendees", "sessions", "trainings", "trainingActions", "surveys", "workingContracts"):
            with self.subTest(path):
                self.assertTrue(self.wedof.all(path))

    def test_filters_are_joined_by_commas_and_dates_keep_their_plus(self):
        wanted = {"accepted", "inTraining"}
        found = self.wedof.all("registrationFolders", state=",".join(sorted(wanted)))
        self.assertEqual({folder["state"] for folder in found}, wanted)
        since, until = "2024-06-01T00:00:00+02:00", "2024-06-30T23:59:59+02:00"
        period = {"period": "custom", "since": since, "until": until, "filterOnStateDate": "createdOn"}
        june = self.wedof.all("registrationFolders", **period)
        self.assertTrue(june)
        for folder in june:
            self.assertTrue(datetime.fromisoformat(since) <= datetime.fromisoformat(folder["createdOn"]) <= datetime.fromisoformat(until))

    def test_what_belongs_to_a_folder_is_read_by_its_links(self):
        folder = self.wedof.get("registrationFolders", state="serviceDoneValidated", limit=1).json()[0]
        origin = simulator.WEDOF.removesuffix("/api")
        for name in ("self", "session", "trainingAction", "payments", "activities"):
            answer = self.wedof.http.get(origin + folder["_links"][name]["href"], timeout=30)
            self.assertEqual(answer.status_code, 200, name)
        files = self.wedof.get(f"registrationFolders/{folder['externalId']}/files").json()
        self.assertEqual(files, folder["files"])
        attendee = self.wedof.get(f"attendees/{folder['attendee']['email']}").json()
        self.assertEqual(attendee["id"], folder["attendee"]["id"])

    def test_deposits_are_asked_for_folder_by_folder(self):
        folder = self.wedof.get("registrationFolders", billingState="paid", limit=1).json()[0]
        wanted = {"type": "deposit", "state": "issued", "sort": "lastUpdate", "order": "desc", "limit": 1000}
        payments = self.wedof.get("payments", registrationFolderId=folder["externalId"], **wanted).json()
        self.assertEqual([payment["type"] for payment in payments], ["deposit"])
        self.assertLess(payments[0]["amount"], folder["amountToInvoice"])

    def test_the_openapi_document_names_what_can_be_read(self):
        paths = requests.get(f"{simulator.WEDOF}/doc.json", timeout=30).json()["paths"]
        self.assertIn("/api/registrationFolders", paths)
        self.assertNotIn("/api/invoices", paths)


class Refusals(unittest.TestCase):
    def detail(self, answer, status):
        self.assertEqual(answer.status_code, status)
        body = answer.json()
        self.assertIsInstance(body["detail"], str)
        return body

    def test_each_refusal_has_its_status_and_a_detail(self):
        wedof = Wedof()
        self.detail(Wedof(key="wrong").get("registrationFolders"), 401)
        self.detail(wedof.get("organisms"), 403)
        self.detail(wedof.get("invoices"), 404)
        self.detail(wedof.get("registrationFolders/nothing"), 404)
        violations = self.detail(wedof.get("registrationFolders", state="nonsense"), 400)["violations"]
        self.assertEqual(violations[0]["propertyPath"], "state")
        # a plus sign that was not encoded is a blank
        bare = f"{simulator.WEDOF}/registrationFolders?since=2024-06-01T00:00:00+02:00"
        self.detail(wedof.http.get(bare, timeout=30), 400)

    def test_a_limit_above_100_gives_100_and_says_so(self):
        answer = Wedof().get("registrationFolders", limit=1000)
        self.assertEqual((len(answer.json()), answer.headers["x-item-per-page"]), (100, "100"))

    def test_the_wait_that_is_asked_for_is_kept_and_then_the_answer_comes(self):
        for status, header in ((429, "1"), (503, "1"), (429, None)):
            with self.subTest(status=status, header=header):
                answer = {"status": status, "body": {"detail": "later"}, "headers": {"retry-after": header}}
                wedof = Wedof()
                with simulator.wedof.fault(path="/api/registrationFolders", page=2, answer=answer):
                    self.assertEqual(len(wedof.all("registrationFolders")), 230)
                self.assertEqual(wedof.waited, [1.0])

    def test_a_minute_has_so_many_requests_and_the_next_is_told_when(self):
        wedof = Wedof()
        with simulator.wedof.settings(requestsPerMinute=2, retryAfter="date"):
            statuses = [wedof.http.get(f"{simulator.WEDOF}/users/me", timeout=30) for _ in range(3)]
        self.assertEqual([answer.status_code for answer in statuses], [200, 200, 429])
        again = parsedate_to_datetime(statuses[2].headers["Retry-After"])
        wait = (again - datetime.now().astimezone()).total_seconds()
        self.assertTrue(0 < wait <= 62, wait)


if __name__ == "__main__":
    unittest.main()
