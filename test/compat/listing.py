"""What differs, held against differences.tsv: a difference must be listed, and what is listed must differ."""
import collections
import json
import re

import answers

Listed = collections.namedtuple("Listed", "kind parts")


def request_names(requests):
    """As differences.tsv names them: with a number where a case has several of a name."""
    counts, names = collections.Counter(), []
    for request in requests:
        name = request.get("name") or request["r"].replace("://", " ", 1)
        counts[name] += 1
        names.append(name if counts[name] == 1 else f"{name} ({counts[name]})")
    return names


def read_listed(path):
    """(case, request) -> its rows in differences.tsv: kind, the parts that differ (None: whatever no other row names), and why."""
    listed = collections.defaultdict(list)
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()[1:], 2):
        case, request, reason = line.split("\t")
        match = re.fullmatch(r"(?:(safety|differ)\(([^ )]+)\): (.+))|(?:later:([a-z0-9-]+)(?:\(([^ )]+)\))?)", reason)
        if not match:
            raise SystemExit(f"differences.tsv:{number}: a reason is safety(PARTS): TEXT, differ(PARTS): TEXT, later:FEATURE or later:FEATURE(PARTS)")
        kind, parts, _, feature, later_parts = match.groups()
        parts = parts or later_parts
        listed[case, request].append(Listed(kind or "later:" + feature, set(parts.split(",")) if parts else None))
    return listed


class Outcome:
    def __init__(self, listed, verbose):
        self._listed = listed
        self._verbose = verbose
        self._counts = collections.Counter()
        self._kinds = collections.Counter()

    def count(self, case, requests, wanted, got):
        for request, theirs, ours in zip(request_names(requests), wanted, got):
            self._count(case, request, answers.differences(theirs, ours), bool(theirs.get("approx")))

    def _count(self, case, request, found, by_chance):
        rows = self._listed.get((case, request), [])
        parts = {difference.part for difference in found}
        named = set().union(*(row.parts for row in rows if row.parts))
        rest, open_rows = parts - named, [row for row in rows if row.parts is None]
        same_now = named - parts
        if rest and not open_rows:
            self._say("others", "DIFFERENT", case, request, ",".join(sorted(rest)))
        elif not by_chance and (same_now or (open_rows and not rest)):  # shares may come close to one another by chance
            self._say("stale", "STALE", case, request, f"{','.join(sorted(same_now)) or 'the rest'} is the same now, but differences.tsv lists it")
        elif rows:
            self._counts["listed"] += 1
            self._kinds[max((row.kind for row in rows), key=lambda kind: (kind.startswith("later"), kind))] += 1
        else:
            self._counts["same"] += 1
        if (rest and not open_rows) or (found and self._verbose):
            for difference in found:
                print(f"    {difference.part}: wanted {json.dumps(difference.wanted)}, got {json.dumps(difference.got)}")

    def _say(self, result, word, *columns):
        self._counts[result] += 1
        print("\t".join([word, *columns]))

    def summary(self, seconds):
        if self._kinds:
            print("listed: " + ", ".join(f"{number} {kind}" for kind, number in sorted(self._kinds.items())))
        counts = self._counts
        stale = f", {counts['stale']} stale" if counts["stale"] else ""
        print(f"compat: {counts['same']} of {counts.total()} the same, {counts['listed']} listed differences, {counts['others']} others{stale}; {seconds:.0f} s")
        return 1 if counts["others"] or counts["stale"] or not counts.total() else 0
