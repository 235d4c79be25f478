#!/usr/bin/env python3
"""Plays the cases of recorded/ to Narthex and compares with what ingress-nginx answered, see docs/testing.md. Called by test/compat/run."""
import argparse
import collections
import concurrent.futures
import itertools
import json
import os
import pathlib
import re
import sys
import time

import yaml

sys.dont_write_bytecode = True
import answers  # noqa: E402
import asking  # noqa: E402
from control_plane import ControlPlane  # noqa: E402
from manifests import Case, Certificates, service_of  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
LANES = 6          # cases that are played at once
YOUNGER = 1.1      # seconds between objects of different age; creationTimestamp has whole seconds
SETTLING = 0.5     # seconds between readiness and the first request: names are asked for meanwhile
Listed = collections.namedtuple("Listed", "kind parts")


# ---- what is recorded and what is listed

def read_cases(folder):
    """(case as written, wanted answers) of all files."""
    read = []
    for path in sorted(folder.glob("*.yaml")):
        wanted = {one["case"]: one["answers"] for one in json.loads(path.with_suffix(".expected.json").read_text(encoding="utf-8"))}
        read += [(one, wanted[one["name"]]) for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one]
    return read


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


# ---- playing

def group_key(case):
    return json.dumps([case.config, case.flags, case.name if case.alone else ""], sort_keys=True)


class Player:
    def __init__(self, control_plane, certificates, program):
        self._control_plane = control_plane
        self._certificates = certificates
        self._program = program
        self._lanes = concurrent.futures.ThreadPoolExecutor(LANES)

    def play_group(self, cases):
        """The cases, which have the same settings and flags, with a controller of their own. Answers by name of the case."""
        for case in cases:
            self._control_plane.names.addresses.update(case.names)
        self._in_lanes(self._apply_objects, cases)
        ages = sorted({age for case in cases for age, _ in case.ingresses})
        for age in ages:
            if age != ages[0]:
                time.sleep(YOUNGER)
            self._in_lanes(self._apply_ingresses, cases, itertools.repeat(age))
        self._control_plane.start_controller(self._program, cases[0].config, cases[0].flags)
        time.sleep(SETTLING)
        played = dict(zip([case.name for case in cases], self._in_lanes(self._play, cases)))
        status = self._control_plane.stop_controller()
        if status != 0:
            raise SystemExit(f"narthex ended with {status} after {', '.join(played)}")
        self._in_lanes(self._delete, cases)
        return played

    def _in_lanes(self, function, *arguments):
        return list(self._lanes.map(function, *arguments))

    def _apply_objects(self, case):
        for made in case.objects:
            self._control_plane.api.apply(made)

    def _apply_ingresses(self, case, age):
        for of_age, made in case.ingresses:
            if of_age == age:
                self._control_plane.api.apply(made)

    def _delete(self, case):
        for made in [made for _, made in case.ingresses] + [made for made in case.objects if made["kind"] == "Secret"]:
            self._control_plane.api.delete(made)

    def _play(self, case):
        jars = collections.defaultdict(dict)
        return [self._play_request(case, request, jars) for request in case.requests]

    def _play_request(self, case, request, jars):
        jar = jars[request["jar"]] if request.get("jar") else None
        logs = request.get("log", [])
        logs = [logs] if isinstance(logs, str) else logs
        watched = [(address, service) for service in logs for address in case.addresses_of(service)]
        for address, _ in watched:
            asking.take_log(address)  # what earlier requests left

        def one(_=None):
            return answers.described(asking.ask(request, self._certificates, jar), case.pods)

        times = request.get("n", request.get("par", 1))
        if request.get("par"):
            with concurrent.futures.ThreadPoolExecutor(request["par"]) as executor:
                got = list(executor.map(one, range(times)))
        else:
            got = [one() for _ in range(times)]
        answer = got[0] if times == 1 else answers.summed_up(got, request.get("approx"))
        if logs:
            time.sleep(0.15)  # a pod may hear of the request after the client has its answer
            answer["log"] = {service: [] for service in logs}
            for address, service in watched:
                answer["log"][service] += [answers.seen_by_pod(told, case.pods) for told in asking.take_log(address)]
        return answer


# ---- what comes of it

class Outcome:
    def __init__(self, listed, verbose):
        self._listed = listed
        self._verbose = verbose
        self._counts = collections.Counter()
        self._kinds = collections.Counter()

    def count(self, case, requests, wanted, got):
        for request, theirs, ours in zip(request_names(requests), wanted, got):
            self._count(case, request, answers.differences(theirs, ours))

    def _count(self, case, request, found):
        rows = self._listed.get((case, request), [])
        parts = {difference.part for difference in found}
        named = set().union(*(row.parts for row in rows if row.parts))
        rest, open_rows = parts - named, [row for row in rows if row.parts is None]
        same_now = named - parts
        if rest and not open_rows:
            self._say("others", "DIFFERENT", case, request, ",".join(sorted(rest)))
        elif same_now or (open_rows and not rest):
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


def unknown_in(listed, cases):
    known = {(case["name"], name) for case, _ in cases for name in request_names(
        [{"r": one} if isinstance(one, str) else one for one in case.get("requests") or []])}
    return [f"{case}: {request}" for case, request in listed if (case, request) not in known]


def parse_options():
    parser = argparse.ArgumentParser(prog="./dev compat", description=__doc__)
    parser.add_argument("--only", metavar="REGEX", help="the cases whose names it matches")
    parser.add_argument("--verbose", "-v", action="store_true", help="show the listed differences, too")
    return parser.parse_args()


def main():
    sys.stdout.reconfigure(line_buffering=True)
    options, begin = parse_options(), time.monotonic()
    recorded = read_cases(HERE / "recorded")
    listed = read_listed(HERE / "differences.tsv")
    strangers = unknown_in(listed, recorded)
    if strangers:
        raise SystemExit("differences.tsv lists requests that no case has: " + "; ".join(strangers))
    if os.environ.get("COMPAT_SKIP"):
        total = sum(len(wanted) for _, wanted in recorded)
        print(f"compat: 0 of {total} the same, all {total} skipped: {os.environ['COMPAT_SKIP']}")
        return 0
    folder = pathlib.Path(os.environ["COMPAT_FOLDER"])
    certificates = Certificates(folder / "certificates")
    chosen = [(Case(written, certificates), wanted) for written, wanted in recorded if not options.only or re.search(options.only, written["name"])]
    wanted_of = {case.name: wanted for case, wanted in chosen}
    groups = collections.defaultdict(list)
    for case, _ in chosen:
        groups[group_key(case)].append(case)
    outcome = Outcome(listed, options.verbose)
    control_plane = ControlPlane(folder, os.environ["COMPAT_PROGRAMS"], certificates)
    try:
        player = Player(control_plane, certificates, os.environ["COMPAT_NARTHEX"])
        for cases in groups.values():
            played = player.play_group(cases)
            for case in cases:
                outcome.count(case.name, case.requests, wanted_of[case.name], played[case.name])
    finally:
        control_plane.stop()
    return outcome.summary(time.monotonic() - begin)


if __name__ == "__main__":
    sys.exit(main())
