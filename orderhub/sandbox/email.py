"""A mail server that takes every mail and delivers none: AUTH first, its own ledger, and trouble on request.

It speaks SMTP (RFC 5321, AUTH of RFC 4954) on a port of its own, which GET /email/port tells. Faults are asked for under
the name DATA: 500_before is a 451, deny a 554, lost_answer ends the connection after the mail was taken.
"""

from __future__ import annotations

import base64
import binascii
import email
import socketserver
import threading
from email import policy
from typing import Any

from orderhub.sandbox.credentials import EMAIL
from orderhub.sandbox.frame import Answer, Platform, Request
from orderhub.sandbox.world import World

LONGEST_LINE, LARGEST = 2_000, 1_000_000


class Email(Platform):
    prefix = "email"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._lock = threading.Lock()
        self._server: _Server | None = None
        if world.ledger.recall(
            "_world", "smtp_port"
        ):  # a sandbox that is started again is found where it was
            self._begin()

    @property
    def port(self) -> int:
        """The port that mail is taken at; the server begins when it is first asked for."""
        return self._begin()

    def _begin(self) -> int:
        with self._lock:
            if self._server is None:
                talk = type("Bound", (_Talk,), {"world": self.world})
                before = int(self.world.ledger.recall("_world", "smtp_port", 0))
                try:
                    self._server = _Server(("127.0.0.1", before), talk)
                except OSError:  # somebody else has the port meanwhile
                    self._server = _Server(("127.0.0.1", 0), talk)
                threading.Thread(target=self._server.serve_forever, name="smtp", daemon=True).start()
                self.world.ledger.remember("_world", "smtp_port", self._server.server_address[1])
            return int(self._server.server_address[1])

    def handle(self, request: Request) -> Answer:
        if request.method == "GET" and request.path == "/port":
            return Answer(200, {"port": self.port})
        return Answer(404, {"error": "a mail server speaks SMTP; GET /email/port tells its port"})


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class _Talk(socketserver.StreamRequestHandler):
    """One connection: a state machine of the few verbs that a sender needs."""

    world: World
    timeout = 60

    def handle(self) -> None:
        self.known, self.sender, self.to = False, "", []  # type: ignore[var-annotated]
        self.say("220 sandbox ESMTP")
        while line := self.rfile.readline(LONGEST_LINE):
            verb, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
            verb = verb.upper()
            if verb == "QUIT":
                self.say("221 bye")
                return
            if verb == "DATA":
                if not self.data():
                    return
                continue
            self.say(self.answer(verb, rest))

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")
        self.wfile.flush()

    def answer(self, verb: str, rest: str) -> str:
        if verb == "EHLO":
            return "250-sandbox\r\n250-AUTH PLAIN LOGIN\r\n250-8BITMIME\r\n250 SMTPUTF8"
        if verb == "HELO":
            return "250 sandbox"
        if verb == "AUTH":
            return self.auth(rest)
        if verb in ("RSET", "NOOP"):
            return "250 ok"
        if not self.known:
            return "530 5.7.0 authentication required"
        if verb == "MAIL":
            self.sender, self.to = _address(rest), []
            return "250 ok" if self.sender == EMAIL["sender"] else "553 5.7.1 sender is not yours"
        if verb == "RCPT":
            address = _address(rest)
            if "@" not in address or address.endswith("@nowhere.example"):
                return "550 5.1.1 no such user"
            self.to.append(address)
            return "250 ok"
        return "502 5.5.2 not known"

    def auth(self, rest: str) -> str:
        kind, _, given = rest.partition(" ")
        try:
            if kind.upper() == "PLAIN":
                _who, user, password = base64.b64decode(given or self.asked("")).decode().split("\0")
            elif kind.upper() == "LOGIN":
                user = base64.b64decode(given or self.asked("VXNlcm5hbWU6")).decode()
                password = base64.b64decode(self.asked("UGFzc3dvcmQ6")).decode()
            else:
                return "504 5.5.4 not known"
        except (ValueError, binascii.Error, UnicodeDecodeError):
            return "501 5.5.2 not readable"
        self.known = (user, password) == (EMAIL["user"], EMAIL["password"])
        return "235 2.7.0 welcome" if self.known else "535 5.7.8 wrong user or password"

    def asked(self, words: str) -> str:
        self.say(f"334 {words}")
        return self.rfile.readline(LONGEST_LINE).decode("utf-8", "replace").strip()

    def data(self) -> bool:
        """Take the mail; False ends the connection."""
        if not self.to:
            self.say("503 5.5.1 no recipient")
            return True
        self.say("354 go on")
        lines: list[bytes] = []
        while (line := self.rfile.readline(LARGEST)) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        plan = self.world.faults.plan("email", "DATA")
        if "500_before" in plan:
            self.say("451 4.3.0 try later")
            return True
        if "deny" in plan:
            self.say("554 5.7.1 refused")
            return True
        mail: Any = email.message_from_bytes(b"".join(lines), policy=policy.default)
        body = mail.get_body(("plain",))
        text = body.get_content() if body is not None else ""
        self.world.ledger.record(
            "email", "mail.taken", str(mail["Message-ID"] or ""),
            {"from": self.sender, "to": self.to, "subject": str(mail["Subject"] or ""), "text": text, "files": _files(mail)},
        )  # fmt: skip
        if "lost_answer" in plan:
            return False
        self.say("250 2.0.0 taken")
        return True


def _files(mail: Any) -> list[dict[str, Any]]:
    """What is attached: name, type, and the bytes as base64."""
    return [
        {
            "name": part.get_filename() or "", "type": part.get_content_type(),
            "base64": base64.b64encode(part.get_payload(decode=True) or b"").decode(),
        }
        for part in mail.iter_attachments()
    ]  # fmt: skip


def _address(rest: str) -> str:
    """The address of `FROM:<a@b> SIZE=…` or `TO:<a@b>`."""
    return rest.partition("<")[2].partition(">")[0]
