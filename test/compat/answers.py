"""Answers in the form in which they were recorded, and how two of them differ. What is by chance (ids, cookies, times) is masked, and a pod is named by
its Service."""
import collections
import email.utils
import json
import re

from manifests import service_of

VOLATILE = {"date", "connection", "keep-alive", "etag", "content-length", "transfer-encoding", "x-echo"}
VOLATILE_FASTCGI = {"REMOTE_PORT", "SERVER_ADDR", "CONTENT_LENGTH", "REQUEST_TIME", "DOCUMENT_ROOT"}
COMPARED = ("status", "statuses", "services", "distinct_pods", "set_cookie_count", "cert", "headers", "backend", "log")
COMPARED_OF_BACKEND = ("service", "method", "uri", "port", "headers")


def masked(name, value, date=None):
    value = re.sub(r'nonce="[0-9a-f]+"', 'nonce="<nonce>"', value)
    if name == "set-cookie":
        value = re.sub(r"=[0-9a-f.]{20,}\|[0-9a-f]{32}", "=<key>|<tag>", value)
        return re.sub(r"(?i)expires=([^;]+)", lambda match: expires_in(match.group(1), date), value)
    value = re.sub(r"\b[0-9a-f]{32}\b", "<32 hex>", value)
    return value[:32] + "..." if name == "ssl-client-cert" else value


def expires_in(text, date):
    try:
        seconds = (email.utils.parsedate_to_datetime(text.replace("-", " ")) - email.utils.parsedate_to_datetime(date)).total_seconds()
    except (TypeError, ValueError):
        return "Expires=<date>"
    return f"Expires=<+{round(seconds / 5) * 5} s>"


def by_name(fields):
    """name -> value, or the values where there are several."""
    values = collections.defaultdict(list)
    for name, value in fields:
        values[name].append(value)
    return {name: of_name[0] if len(of_name) == 1 else of_name for name, of_name in sorted(values.items())}


def described(answer, pods):
    date = next((value for name, value in answer.headers if name.lower() == "date"), None)
    fields = [(name.lower(), masked(name.lower(), value, date)) for name, value in answer.headers if name.lower() not in VOLATILE]
    told = told_by_pod(answer.body)
    if told:
        fields = [field for field in fields if field[0] != "content-type"]
    out = {"status": answer.status, "headers": by_name(fields)}
    if answer.certificate:
        out["cert"] = answer.certificate
    if told:
        out["backend"] = seen_by_pod(told, pods)
        out["pod"] = pods.get(told["ip"], "?")
    return out


def told_by_pod(body):
    try:
        told = json.loads(body) if body[:1] == b"{" else None
    except ValueError:
        return None
    return told if isinstance(told, dict) and told.get("__echo") else None


def seen_by_pod(told, pods):
    if told["proto"] == "fastcgi":
        fields = [(name, masked(name.lower(), value)) for name, value in told["headers"] if name not in VOLATILE_FASTCGI]
    else:
        fields = [(name.lower(), masked(name.lower(), value)) for name, value in told["headers"]]
    seen = {"service": service_of(pods.get(told["ip"], "?")), "method": told["method"], "uri": told["uri"], "proto": told["proto"],
            "headers": by_name((name, value.replace(told["ip"], "<pod ip>")) for name, value in fields)}
    if told.get("port") != 8080:
        seen["port"] = told["port"]
    if told.get("tls"):
        seen["tls"] = told["tls"]
    if told.get("partial"):
        seen["body_missing"] = True
    if told["body_len"]:
        seen["body_len"] = told["body_len"]
        seen["body"] = told["body"] if told["body_len"] <= 60 else "..."
    return seen


def summed_up(answers, approximate):
    """Of a request that was sent several times."""
    statuses = collections.Counter(str(one["status"]) for one in answers)
    services = collections.Counter(service_of(one["pod"]) if "pod" in one else "-" for one in answers)
    return {"times": len(answers), "statuses": dict(sorted(statuses.items())), "services": dict(sorted(services.items())),
            "distinct_pods": len({one["pod"] for one in answers if "pod" in one}),
            "set_cookie_count": sum("set-cookie" in one["headers"] for one in answers), **({"approx": True} if approximate else {})}


Difference = collections.namedtuple("Difference", "part wanted got")


def differences(wanted, got):
    """Each part of an answer that differs: its place, such as headers/location, and the two values."""
    if wanted.get("approx"):
        near = max(8, 0.2 * wanted["times"])
        return [Difference("services/" + service, times, got.get("services", {}).get(service, 0))
                for service, times in wanted["services"].items() if abs(times - got.get("services", {}).get(service, 0)) > near]
    found = []
    for key in COMPARED:
        ours, theirs = got.get(key), wanted.get(key)
        if key == "backend":
            ours, theirs = (one and {part: one[part] for part in COMPARED_OF_BACKEND if part in one} for one in (ours, theirs))
        found += list(unequal(key, theirs, ours))
    return found


def unequal(part, wanted, got):
    if wanted == got:
        return
    if isinstance(wanted, dict) and isinstance(got, dict):
        for key in sorted(set(wanted) | set(got)):
            yield from unequal(f"{part}/{key}", wanted.get(key), got.get(key))
    else:
        yield Difference(part, wanted, got)
