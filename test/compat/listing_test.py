#!/usr/bin/env python3
"""Tests of what counts as a difference, and of how that is held against differences.tsv."""
import contextlib
import io
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import answers  # noqa: E402
import listing  # noqa: E402

WANTED = {"status": 200, "headers": {"vary": "A"}, "cert": "theirs", "backend": {"service": "a", "method": "GET", "uri": "/", "headers": {}}}
REQUEST = {"r": "GET http://a.test/"}


def listed(*reasons):
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        file.write("case\trequest\treason\n" + "".join(f"case\tGET http a.test/\t{reason}\n" for reason in reasons))
        file.flush()
        return listing.read_listed(pathlib.Path(file.name))


def outcome(got, *reasons, wanted=None):
    """What is printed first, its last word but the counts; and the exit status."""
    judge = listing.Outcome(listed(*reasons), verbose=False)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        judge.count("case", [REQUEST], [wanted or WANTED], [got])
        status = judge.summary(0)
    lines = said.getvalue().splitlines()
    return lines[0].split("\t")[0].split(" ")[0], lines[-1], status


class Differences(unittest.TestCase):
    def parts(self, wanted, got):
        return [difference.part for difference in answers.differences(wanted, got)]

    def test_what_is_compared(self):
        self.assertEqual(self.parts(WANTED, dict(WANTED)), [])
        self.assertEqual(self.parts(WANTED, {**WANTED, "status": 404, "body": "x"}), ["status"])
        self.assertEqual(self.parts(WANTED, {**WANTED, "headers": {"vary": "B", "x": "1"}}), ["headers/vary", "headers/x"])
        self.assertEqual(self.parts(WANTED, {**WANTED, "backend": {**WANTED["backend"], "uri": "/b", "proto": "HTTP/1.0"}}), ["backend/uri"])
        self.assertEqual(self.parts(WANTED, {"status": 200, "headers": {"vary": "A"}, "cert": "theirs"}), ["backend"])

    def test_an_answer_that_came_from_no_pod_but_should_not_have(self):
        self.assertEqual(self.parts({"status": 403, "headers": {}}, {**WANTED, "headers": {}}), ["status", "cert", "backend"])

    def test_shares_may_vary_a_little(self):
        wanted = {"times": 100, "approx": True, "services": {"a": 50, "b": 50}, "statuses": {"200": 100}}
        self.assertEqual(self.parts(wanted, {**wanted, "services": {"a": 65, "b": 35}}), [])
        self.assertEqual(self.parts(wanted, {**wanted, "services": {"a": 75, "b": 25}}), ["services/a", "services/b"])

    def test_masks(self):
        self.assertEqual(answers.masked("x-request-id", "0123456789abcdef" * 2), "<32 hex>")
        cookie = "sid=" + "1" * 20 + ".2|" + "0123456789abcdef" * 2 + "; Expires=Sat, 21-Nov-26 12:01:00 GMT"
        self.assertEqual(answers.masked("set-cookie", cookie, "Sat, 21 Nov 2026 12:00:01 GMT"), "sid=<key>|<tag>; Expires=<+60 s>")


class Listing(unittest.TestCase):
    other = {**WANTED, "cert": "ours", "status": 404}

    def test_the_same(self):
        self.assertEqual(outcome(WANTED), ("compat:", "compat: 1 of 1 the same, 0 listed differences, 0 others; 0 s", 0))

    def test_a_difference_must_be_listed(self):
        self.assertEqual(outcome(self.other), ("DIFFERENT", "compat: 0 of 1 the same, 0 listed differences, 1 others; 0 s", 1))
        self.assertEqual(outcome(self.other, "differ(cert,status): so it is")[1:], ("compat: 0 of 1 the same, 1 listed differences, 0 others; 0 s", 0))
        self.assertEqual(outcome(self.other, "differ(cert): a name", "later:something")[2], 0)
        self.assertEqual(outcome(self.other, "later:something")[2], 0)

    def test_in_all_its_parts(self):
        self.assertEqual(outcome(self.other, "differ(cert): a name")[::2], ("DIFFERENT", 1))

    def test_what_is_the_same_again_is_stale(self):
        self.assertEqual(outcome(WANTED, "later:something")[::2], ("STALE", 1))
        self.assertEqual(outcome({**WANTED, "cert": "ours"}, "differ(cert,status): both")[::2], ("STALE", 1))
        self.assertEqual(outcome({**WANTED, "cert": "ours"}, "differ(cert): a name", "later:something")[::2], ("STALE", 1))

    def test_shares_that_are_the_same_by_chance_are_not(self):
        wanted = {"times": 100, "approx": True, "services": {"a": 50, "b": 50}}
        self.assertEqual(outcome({**wanted, "services": {"a": 65, "b": 35}}, "differ(services/a,services/b): another share", wanted=wanted)[2], 0)

    def test_a_reason_has_a_kind_and_a_text(self):
        for reason in ("", "because", "safety: text without parts", "differ(cert)", "later"):
            with self.assertRaises(SystemExit):
                listed(reason)

    def test_requests_of_one_name_have_numbers(self):
        self.assertEqual(listing.request_names([REQUEST, {"r": "x", "name": "n"}, REQUEST]), ["GET http a.test/", "n", "GET http a.test/ (2)"])


if __name__ == "__main__":
    unittest.main()
