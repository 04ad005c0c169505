"""The sandbox's own switchboard under /_sandbox/: faults, quotas, ledger, drives; nothing a platform would have."""

from __future__ import annotations

import random
import threading
import traceback
from typing import Any

from orderhub.sandbox.faults import BadFault
from orderhub.sandbox.frame import Answer, Platform, Request
from orderhub.sandbox.world import World


class Control:
    """Answers /_sandbox/…; drives run in threads of their own."""

    def __init__(self, world: World, platforms: dict[str, Platform], missing: dict[str, str]) -> None:
        self.world = world
        self.platforms = platforms
        self.missing = missing
        self._rng = random.Random(world.seed)
        self._drives: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def handle(self, request: Request) -> Answer:
        what, _, rest = request.path.strip("/").partition("/")
        call = {
            "GET health": self._health,
            "GET ledger": self._ledger,
            "GET counts": self._counts,
            "GET scenarios": self._scenarios,
            "GET faults": self._fault_report,
            "POST faults": self._faults,
            "POST quota": self._quota,
            "POST reset": self._reset,
            "POST modify": self._modify,
            "POST drive": self._drive,
            "GET drive": self._drive_state,
        }.get(f"{request.method} {what}")
        if call is None:
            return Answer(404, {"error": f"the control knows no {request.method} /_sandbox/{what}"})
        try:
            body = request.json() if request.body else {}
        except ValueError as error:
            return Answer(400, {"error": f"the body is not JSON: {error}"})
        if not isinstance(body, dict):
            return Answer(400, {"error": "the body must be a JSON object"})
        try:
            return call({**request.query, **body}, rest)
        except (BadFault, LookupError, ValueError) as error:
            return Answer(400, {"error": str(error)})

    def _health(self, body: dict[str, Any], rest: str) -> Answer:
        return Answer(
            200,
            {
                "ok": True,
                "seed": self.world.seed,
                "start": self.world.start.isoformat(),
                "orders": len(self.world.orders),
                "mix": ",".join(f"{channel}={share:g}" for channel, share in self.world.mix.items()),
                "platforms": sorted(self.platforms),
                "missing": self.missing,
            },
        )

    def _ledger(self, body: dict[str, Any], rest: str) -> Answer:
        if "key" in body:
            return Answer(
                200, {"entries": self.world.ledger.find(body["kind"], body["key"], body.get("platform"))}
            )
        return Answer(200, {"entries": self.world.ledger.all(body["kind"], body.get("platform"))})

    def _counts(self, body: dict[str, Any], rest: str) -> Answer:
        return Answer(
            200,
            {
                "kinds": self.world.ledger.counts(),
                "calls": self.world.quota.calls(),
                "faults": self.world.faults.report()["done"],
                "pushes": {"sent": self.world.pushes.sent, "given_up": self.world.pushes.given_up},
            },
        )

    def _scenarios(self, body: dict[str, Any], rest: str) -> Answer:
        return Answer(200, self.world.scenarios)

    def _fault_report(self, body: dict[str, Any], rest: str) -> Answer:
        return Answer(200, self.world.faults.report())

    def _faults(self, body: dict[str, Any], rest: str) -> Answer:
        if body.get("clear"):
            self.world.faults.clear()
            return Answer(200, self.world.faults.report())
        return Answer(200, vars(self.world.faults.add(body)))

    def _quota(self, body: dict[str, Any], rest: str) -> Answer:
        self.world.quota.limit(
            body.get("platform", ""),
            body.get("app", ""),
            int(body.get("limit", 0)),
            float(body.get("seconds", 60)),
        )
        return Answer(200, {"ok": True})

    def _reset(self, body: dict[str, Any], rest: str) -> Answer:
        self.world.faults.clear()
        self.world.quota.clear()
        self.world.pushes.clear()
        self.world.ledger.forget()
        for platform in self.platforms.values():
            platform.reset()
        return Answer(200, {"ok": True})

    def _modify(self, body: dict[str, Any], rest: str) -> Answer:
        n = int(body.get("n", 1))
        platform = self.platforms[body.get("platform", "taobao")]
        with self._lock:
            changed = platform.modify(n, self._rng)
        return Answer(200, {"changed": changed})

    def _drive(self, body: dict[str, Any], rest: str) -> Answer:
        what = str(body.get("what", ""))
        with self._lock:
            number = str(len(self._drives) + 1)
            state: dict[str, Any] = {
                "drive": number,
                "what": what,
                "done": False,
                "result": None,
                "error": None,
            }
            self._drives[number] = state
        thread = threading.Thread(
            target=self._run, args=(what, body, state), name=f"drive-{number}", daemon=True
        )
        thread.start()
        if body.get("wait"):
            thread.join()
        return Answer(200, state)

    def _run(self, what: str, body: dict[str, Any], state: dict[str, Any]) -> None:
        try:
            for platform in self._asked(body):
                state["result"] = platform.drive(what, body)
                if state["result"] is not None:
                    break
            else:
                state["error"] = f"no platform knows the drive {what!r}"
        except Exception as error:  # noqa: BLE001 - the drive's caller reads it from the state
            traceback.print_exc()
            state["error"] = f"{type(error).__name__}: {error}"
        state["done"] = True

    def _asked(self, body: dict[str, Any]) -> list[Platform]:
        """The platform that the drive names, else all of them."""
        named = body.get("platform")
        return [self.platforms[named]] if named else list(self.platforms.values())

    def _drive_state(self, body: dict[str, Any], rest: str) -> Answer:
        state = self._drives.get(rest)
        return Answer(200, state) if state else Answer(404, {"error": f"there is no drive {rest!r}"})
