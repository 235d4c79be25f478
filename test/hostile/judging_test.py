#!/usr/bin/env python3
"""Whether the judging sees what it is there to see: each token with something that meets it and something that does not."""
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
import judging  # noqa: E402
import playing  # noqa: E402


def request(line="GET / HTTP/1.1", b="A", h=(), body=b"", complete=True, bad=()):
    return dict(b=b, line=line, h=list(h), body=body, complete=complete, bad=list(bad))


def seen(*requests, answers=((200, (), b"ok", True),), interims=(), closed=None, raw=(), data=b"", big=False):
    out = playing.Seen()
    out.requests, out.raw = list(requests), list(raw)
    out.finals, out.interims = [tuple(answer) for answer in answers], list(interims)
    out.closed, out.data, out.big = closed, data, big
    return out


def answer(status=200, fields=(), body=b"ok", complete=True):
    return (status, list(fields), body, complete)


ONE = seen(request())
# token: (met by, not met by)
TOKENS = {
    "st=200,404": (ONE, seen(answers=[answer(400)])),
    "st=4xx": (seen(answers=[answer(413)]), ONE),
    "st=none": (seen(answers=[]), ONE),
    "st=413": (seen(answers=[], closed="rst", big=True), seen(answers=[], closed="rst")),
    "st2=400": (seen(answers=[answer(), answer(400)]), ONE),
    "nost=101": (ONE, seen(answers=[answer(101)])),
    "n=2": (seen(answers=[answer(), answer()]), ONE),
    "n<=1": (ONE, seen(answers=[answer(), answer()])),
    "A=1": (ONE, seen(request(b="PUB"))),
    "ADM=0": (ONE, seen(request(b="ADM"))),
    "any=0": (seen(), seen(request(b="PUB"))),
    "complete=0": (seen(request(complete=False)), ONE),
    "line=GET / HTTP/1.1": (ONE, seen(request("GET /x HTTP/1.1"))),
    "line~^BREW /": (seen(request("BREW / HTTP/1.1")), ONE),
    "has=x-a:v": (seen(request(h=[("x-a", "v")])), seen(request(h=[("x-a", "w")]))),
    "hasfold=x-a:v w": (seen(request(h=[("x-a", "v   w")])), seen(request(h=[("x-a", "v")]))),
    "hasname=te": (seen(request(h=[("te", "")])), ONE),
    "no=upgrade": (ONE, seen(request(h=[("upgrade", "h2c")]))),
    "noval=6.6.6.6": (ONE, seen(request(h=[("x-forwarded-for", "6.6.6.6, 127.0.0.1")]))),
    "noval=p.test": (ONE, seen(request(h=[("host", "p.test")]))),
    "noxfproto=https": (ONE, seen(request(h=[("x-forwarded-proto", "https")]))),
    "order=x-m:one,two": (seen(request(h=[("x-m", "one"), ("x-m", "two")])), seen(request(h=[("x-m", "two"), ("x-m", "one")]))),
    "order2=/1,/2": (seen(request("GET /1 HTTP/1.1"), request("GET /2 HTTP/1.1")), seen(request("GET /2 HTTP/1.1"))),
    "body=hello": (seen(request(body=b"hello")), seen(request(body=b"hello", complete=False))),
    "bodyis=|": (ONE, seen(request(body=b"x"))),
    "oneframing": (ONE, seen(request(bad=["CL and TE"]))),
    "nofwdte": (ONE, seen(request(h=[("transfer-encoding", "chunked")]))),
    "rawno=;a=b": (seen(raw=[b"5\r\n"]), seen(raw=[b"5\r\n", b"5;a=b\r\n"])),
    "rawin=PING": (seen(raw=[b"PING"]), seen(raw=[b"PONG"])),
    "rhas=connection:keep-alive": (seen(answers=[answer(fields=[("connection", "Keep-Alive")])]), ONE),
    "rno=x-hop": (ONE, seen(answers=[answer(fields=[("x-hop", "1")])])),
    "rbody=ok": (ONE, seen(answers=[answer(body=b"no")])),
    "rnomatch=x-a:b+": (ONE, seen(answers=[answer(fields=[("x-a", "bb")])])),
    "rnotin=POISON": (ONE, seen(data=b"xPOISON")),
    "ronefr": (ONE, seen(answers=[answer(fields=[("content-length", "1"), ("transfer-encoding", "chunked")])])),
    "close": (seen(closed="fin"), ONE),
    "open": (ONE, seen(closed="rst")),
    "i100": (seen(interims=[100]), ONE),
    "no100": (ONE, seen(interims=[100])),
    "aborted": (seen(answers=[answer(complete=False)], closed="rst"), seen(answers=[answer()], closed="fin")),
    "nobypass": (seen(request("GET /%2561dmin HTTP/1.1", "PUB")), seen(request("GET /x/../%61dmin/y HTTP/1.1", "PUB"))),
    "nobypass2": (seen(request("GET /administrator HTTP/1.1", "PUB")), seen(request("GET /a/%252e%252e//admin;x HTTP/1.1", "PUB"))),
}


class Judging(unittest.TestCase):
    def test_each_token_tells_what_meets_it_from_what_does_not(self):
        for token, (met, unmet) in TOKENS.items():
            with self.subTest(token):
                self.assertEqual(judging.judge(token, met), "")
                self.assertEqual(judging.judge(token, unmet), token)

    def test_all_of_one_choice_must_hold(self):
        self.assertEqual(judging.judge("st=400; any=0 || st=200; A=1", ONE), "")
        self.assertEqual(judging.judge("st=200; any=0 || st=400; A=1", ONE), "any=0 / st=400")

    def test_every_word_of_the_tables_is_known(self):
        for table in pathlib.Path(__file__).parent.glob("http1-*.tsv"):
            for row in table.read_text(encoding="latin-1").split("\n")[1:]:
                for demand in row.split("\t")[3:5]:
                    judging.judge(demand, ONE)


class Steps(unittest.TestCase):
    def test_escapes_and_steps(self):
        self.assertEqual(playing.read_steps(r"a\r\n\xff{rep:b\t:2}{pause:5}{fin}"),
                         [("send", b"a\r\n\xffb\tb\t"), ("pause", 5), ("fin", 0)])

    def test_a_split_sends_the_same_bytes(self):
        steps = [("send", b"abc"), ("pause", 1), ("send", b"de")]
        self.assertEqual(playing.split(steps, [1]),
                         [("send", b"a"), ("breathe", 0), ("send", b"bc"), ("pause", 1), ("send", b"de")])
        self.assertEqual(playing.split(steps, [3]), steps)
        self.assertEqual(playing.split(steps, [4])[-3:], [("send", b"d"), ("breathe", 0), ("send", b"e")])


if __name__ == "__main__":
    unittest.main()
