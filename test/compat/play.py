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
from listing import Outcome, read_listed, request_names  # noqa: E402
from manifests import Case, Certificates  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
LANES = 6          # cases that are played at once
YOUNGER = 1.1      # seconds between objects of different age; creationTimestamp has whole seconds
SETTLING = 0.5     # seconds between readiness and the first request: names are asked for meanwhile


def read_cases(folder):
    """(case as written, wanted answers) of all files."""
    read = []
    for path in sorted(folder.glob("*.yaml")):
        wanted = {one["case"]: one["answers"] for one in json.loads(path.with_suffix(".expected.json").read_text(encoding="utf-8"))}
        read += [(one, wanted[one["name"]]) for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one]
    return read


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
