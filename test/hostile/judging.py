"""Whether what was seen of a case is what its row demands. Tokens of must/prefer (a; b = both, X || Y = either):

  st=400,4xx,none st2= nost=      status of the first (second) answer, none of them
  n=2 n<=1                        number of final answers
  A= PUB= ADM= any= complete=     number of requests at a backend, at all of them, of complete ones (with = or <=)
  line= line~                     a request line as a backend saw it (exactly, by pattern)
  has=name:value hasfold= hasname= no=name noval=text noxfproto=https order=name:v,v order2=/t,/t   fields at backends
  body= bodyis=| oneframing nofwdte rawno= rawin=                   bodies and bytes at backends
  rhas= rno= rnohdr= rbody= rnomatch=name:pattern rnotin= ronefr    the first answer
  close open i100 no100 aborted   the connection, interim answers, an answer cut short
  nobypass nobypass2              no request at PUB whose path means /admin, read once (twice, and with foreign rules)"""
import re


def unescape(text):
    plain = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"\\": b"\\", b'"': b'"'}

    def one(match):
        code = match.group(1)
        if code in plain:
            return plain[code]
        return bytes([int(code[1:], 16)]) if code[:1] == b"x" and len(code) == 3 else match.group(0)

    return re.sub(rb"\\(x[0-9a-fA-F]{2}|.)", one, text.encode("latin-1"))


def without_dots(path):
    out = []
    segments = path.split("/")
    for i, segment in enumerate(segments):
        last = i == len(segments) - 1
        if segment == "..":
            if len(out) > 1:
                out.pop()
            if last:
                out.append("")
        elif segment == ".":
            if last:
                out.append("")
        else:
            out.append(segment)
    return "/".join(out)


def read_once(target):
    """The path as RFC 3986 reads it."""
    unreserved = re.compile(r"[A-Za-z0-9._~-]")

    def one(match):
        letter = chr(int(match.group(1), 16))
        return letter if unreserved.match(letter) else match.group(0)

    return without_dots(re.sub(r"%([0-9A-Fa-f]{2})", one, target.split("?")[0].split("#")[0]))


def read_twice(target):
    """The path as a careless backend may read it: decoded twice, with \\ ; and overlong dots."""
    path = target.split("?")[0]
    for _ in range(2):
        path = re.sub(r"%(?:u00)?([0-9A-Fa-f]{2})", lambda match: chr(int(match.group(1), 16)), path)
    path = path.replace("\xc0\xae", ".").replace("\\", "/").split("\0")[0].split("?")[0].split("#")[0]
    path = "/".join(segment.split(";")[0] for segment in path.split("/"))
    return without_dots(re.sub("/+", "/", path)).rstrip(" .\t")


def is_guarded(path):
    return path == "/admin" or path.startswith("/admin/")


def bypasses(requests, read):
    return any(r["b"] == "PUB" and is_guarded(read(r["line"].split(" ")[1])) for r in requests if " " in r["line"])


def status_is(status, wanted, seen):
    for one in wanted.split(","):
        if one == "none" and status is None or one == str(status) or one.endswith("xx") and status and str(status)[0] == one[0]:
            return True
    # A client that sends much after the answer may see the reset before the answer.
    return status is None and seen.big and seen.closed == "rst" and bool(re.search("400|413|414|431", wanted))


def holds(token, seen):
    statuses = seen.statuses()
    requests = seen.requests
    count = re.match(r"(n|A|PUB|ADM|any|complete)(<=|=)(\d+)$", token)
    if count:
        what, sign, wanted = count.groups()
        have = {"n": len(statuses), "any": len(requests), "complete": sum(r["complete"] for r in requests)}.get(
            what, sum(r["b"] == what for r in requests))
        return have == int(wanted) if sign == "=" else have <= int(wanted)
    name, _, value = token.partition("=") if not token.startswith("line~") else ("line~", "~", token[5:])
    text = unescape(value).decode("latin-1")
    field, _, of_field = text.partition(":")
    fields = [f for r in requests for f in r["h"]]
    first = seen.finals[0] if seen.finals else None
    answered = first[1] if first else []
    match name:
        case "st": return status_is(statuses[0] if statuses else None, value, seen)
        case "st2": return status_is(statuses[1] if len(statuses) > 1 else None, value, seen)
        case "nost": return int(value) not in statuses
        case "line": return any(r["line"] == value for r in requests)
        case "line~": return any(re.search(value.replace("\\\\", "\\"), r["line"]) for r in requests)
        case "has": return (field, of_field) in fields
        case "hasfold": return any(k == field and re.sub(" +", " ", v) == of_field for k, v in fields)
        case "hasname": return any(k == value for k, _ in fields)
        case "no": return not any(k == value for k, _ in fields)
        case "noval": return not any(text in v for k, v in fields if k != "host" or "p.test" in text)
        case "noxfproto": return not any(k == "x-forwarded-proto" and value in v for k, v in fields)
        case "order":
            return any(",".join(v for k, v in r["h"] if k == field).replace(" ", "") == of_field for r in requests)
        case "order2": return [r["line"].split(" ")[1] for r in requests if " " in r["line"]] == value.split(",")
        case "body": return any(r["complete"] and r["body"].decode("latin-1") == text for r in requests)
        case "bodyis": return all(r["body"] == b"" for r in requests)
        case "oneframing":
            framing = ("many CL", "CL and TE", "CL syntax")
            return not any(b in framing or b.startswith("TE ") for r in requests for b in r["bad"])
        case "nofwdte": return not any(k == "transfer-encoding" for k, _ in fields)
        case "rawno": return not any(unescape(value) in raw for raw in seen.raw)
        case "rawin": return any(unescape(value) in raw for raw in seen.raw)
        case "rhas": return first is not None and any(k == field and v.lower() == of_field for k, v in answered)
        case "rno" | "rnohdr": return first is not None and not any(k == value for k, _ in answered)
        case "rbody": return first is not None and first[2].decode("latin-1") == text
        case "rnomatch": return not any(k == field and re.search(of_field, v) for k, v in answered)
        case "rnotin": return unescape(value) not in seen.data
        case "ronefr":
            return first is not None and len([k for k, _ in answered if k in ("content-length", "transfer-encoding")]) <= 1
        case "close": return seen.closed is not None
        case "open": return seen.closed is None
        case "i100": return 100 in seen.interims
        case "no100": return 100 not in seen.interims
        case "aborted": return first is not None and not first[3] and seen.closed is not None
        case "nobypass": return not bypasses(requests, read_once)
        case "nobypass2": return not bypasses(requests, read_twice)
    raise SystemExit("unknown token " + token)


def judge(demand, seen):
    """What does not hold of a demand; empty if it is met."""
    if not demand.strip():
        return ""
    failed = []
    for choice in demand.split("||"):
        tokens = (token.strip() for token in re.split(r";\s+", choice.strip().rstrip(";")))
        unmet = [token for token in tokens if token and not holds(token, seen)]
        if not unmet:
            return ""
        failed.append(",".join(unmet))
    return " / ".join(failed)


def violations(seen):
    """What is wrong about the bytes that reached backends."""
    return sorted({bad for r in seen.requests for bad in r["bad"]})
