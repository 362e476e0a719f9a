#!/usr/bin/env python3
"""Walks over the states of videos, webhooks and tokens at random, and judges each answer.

    target/tools/schemathesis/bin/python3 .ci/api-walk.py target/debug/ladderd --steps 60 --walkers 3 --seed 1

It starts an appliance of its own. Each walker has one video at a time and takes steps that its random numbers choose:
upload (in one piece, in parts, broken, or none at all), change, delete, restore, retry, encode, text tracks, posters,
downloads, playback tokens. The tables below say which answers each state allows; a state may move on by itself
meanwhile. No answer may be a 5xx, or differ from the OpenAPI document. The last steps delete the video and wait until
it is gone.

A failure prints the steps before it. The same seed chooses the same steps; jobs end when they end.
"""

import argparse
import collections
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

import requests
import schemathesis

# The states that a video may come to by itself.
MOVES_ON = {
    "uploading": set(),
    "queued": {"running", "waiting", "ready", "failed"},
    "running": {"waiting", "queued", "ready", "failed"},
    "waiting": {"queued", "running", "ready", "failed"},
    "ready": set(),
    "failed": set(),
    "deleting": {"gone"},
    "gone": set(),
}
BUSY = ("queued", "running", "waiting")
STATES = list(MOVES_ON)


def table(default, **special):
    """Answers by state. A video that is deleted conflicts, and one that is gone is not found."""
    answers = {state: default for state in STATES} | {"deleting": {409}, "gone": {404}}
    for name, statuses in special.items():
        for state in BUSY if name == "busy" else [name]:
            answers[state] = statuses
    return answers


# The answers that each state allows.
ANSWERS = {
    "get": table({200}, deleting={200}),
    "describe": table({200}),
    "show": table({200, 202}, uploading={200, 409}, busy={200, 202, 409}),
    "delete": table({202}, deleting={202}),
    "restore": table({409}, deleting={202, 409}),
    "retry": table({409}, failed={202}, busy={202, 409}),
    "encode": table({409}, ready={202}, busy={202, 409}),
    "add-track": table({202}, ready={200, 202}, busy={200, 202}),
    "remove-track": table({202, 204, 404}),
    "tracks": table({200}, deleting={200}),
    "set-poster": table({202}, ready={200, 202}, busy={200, 202}),
    "poster-frame": table({409}, ready={200, 202}, busy={200, 202, 409}),
    "remove-poster": table({200, 202}),
    "download": table({409}, ready={202, 302}, busy={202, 302, 409}),
    "token": table({201, 409}),
    "delete-many": table({200}, deleting={200}, gone={200}),
}
# The states after an answer, where the step changes them.
AFTER = {
    ("delete", 202): {"deleting"},
    ("delete-many", 200): {"deleting", "gone"},
    ("retry", 202): {"queued"},
    ("encode", 202): {"queued"},
    ("restore", 202): {"uploading", "queued", "ready", "failed"},
}
# Number of steps by name, state before them, and answer.
SEEN = collections.Counter()
VTT = "WEBVTT\n\n00:00.100 --> 00:00.900\nA line\n"


def closure(states):
    """These states, and all that they may come to."""
    found = set(states)
    while more := set().union(*(MOVES_ON[state] for state in found)) - found:
        found |= more
    return found


class Wrong(Exception):
    """An answer that no state allows."""


class Client:
    """Requests of one walker, each of them compared with the document."""

    def __init__(self, api, token, schema):
        self.api, self.schema, self.steps, self.requests = api, schema, [], 0
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"

    def call(self, method, path, expected, note="", **parameters):
        names = {name: parameters.pop(name) for name in list(parameters) if "{" + name + "}" in path}
        answer = self.session.request(method, self.api + path.format(**names), timeout=60,
                                      allow_redirects=False, **parameters)
        step = f"{method} {path.format(**names)} {note} -> {answer.status_code}"
        # A wait is one step.
        if not self.steps or self.steps[-1] != step:
            self.steps.append(step)
        self.requests += 1
        if answer.status_code >= 500:
            raise Wrong(f"{answer.status_code}: {answer.text}")
        operation = self.schema[path][method]
        documented = operation.definition.raw["responses"].get(str(answer.status_code))
        if documented is None:
            raise Wrong(f"{answer.status_code} is not documented: {answer.text}")
        kinds = documented.get("content", {})
        kind = answer.headers.get("content-type", "").split(";")[0]
        if (kinds or answer.content) and kind not in {name.split(";")[0] for name in kinds}:
            raise Wrong(f"{answer.status_code} has the type {kind!r}, documented are {list(kinds)}")
        operation.validate_response(answer)
        if answer.status_code not in expected:
            raise Wrong(f"{answer.status_code} instead of {sorted(expected)}: {answer.text}")
        return answer


class Video:
    """One video, from its upload until it is gone."""

    def __init__(self, client, chance, clips):
        self.client, self.chance, self.clips = client, chance, clips
        clip = chance.choice([*clips, "short", "short", "none"])
        data = clips.get(clip, b"")
        self.kind, self.is_private = clip, chance.random() < 0.3
        body = {"filename": f"{clip}.mp4", "size_bytes": max(len(data), 1),
                "visibility": "private" if self.is_private else "public", "title": f"A walk {chance.random()}"}
        made = client.call("POST", "/v1/uploads", {201}, clip, json=body).json()
        self.id, self.states = made["video_id"], {"uploading"}
        if clip != "none":
            self.put(made["upload"], data)

    def put(self, upload, data):
        if "parts" not in upload:
            sent = requests.put(upload["url"], data=data, headers=upload["headers"], timeout=60)
            assert sent.status_code == 200, sent.text
        elif not self.in_parts(upload["upload_id"], upload, data):
            return
        self.states = {"queued"}

    def in_parts(self, upload_id, upload, data):
        """Sends one part after the other. Returns false if the upload was aborted."""
        path, ids = "/v1/uploads/{video_id}/{upload_id}", {"video_id": self.id, "upload_id": upload_id}
        seen = self.client.call("GET", path, {200}, **ids).json()
        assert seen["parts"] == [], seen
        self.client.call("POST", path + "/complete", {400}, "without parts", json={"parts": []}, **ids)
        size, tags = upload["part_size_bytes"], []
        for at in range(0, len(data), size):
            number = at // size + 1
            signed = self.client.call("POST", path + "/parts", {200}, json={"numbers": [number]}, **ids).json()
            sent = requests.put(signed["parts"][0]["url"], data=data[at:at + size], timeout=60)
            assert sent.status_code == 200, sent.text
            tags.append({"number": number, "etag": sent.headers["etag"]})
        if self.chance.random() < 0.3:
            self.client.call("DELETE", path, {204}, **ids)
            self.client.call("GET", path, {404}, "after its end", **ids)
            return False
        self.client.call("POST", path + "/complete", {204}, json={"parts": tags}, **ids)
        self.client.call("GET", path, {404}, "after its end", **ids)
        return True

    def look(self):
        """Reads the state, which must be one of those that are possible."""
        possible = closure(self.states)
        expected = set().union(*(ANSWERS["get"][state] for state in possible))
        answer = self.client.call("GET", "/v1/videos/{id}", expected, f"in {sorted(possible)}", id=self.id)
        state = answer.json()["state"] if answer.status_code == 200 else "gone"
        if state not in possible:
            raise Wrong(f"the video is {state}, which is none of {sorted(possible)}: {answer.text}")
        ends = {"short": "ready", "long": "ready", "broken": "failed"}
        if state in ("ready", "failed") and ends.get(self.kind) != state:
            raise Wrong(f"a video of the kind {self.kind} is {state}: {answer.text}")
        self.states = {state}
        if answer.status_code == 200:
            self.is_private = answer.json()["visibility"] == "private"
        return state

    def step(self, name, method, path, **parameters):
        self.look()
        possible = closure(self.states)
        expected = set().union(*(ANSWERS[name][state] for state in possible))
        answer = self.client.call(method, path, expected, f"{name} in {sorted(self.states)}", **parameters)
        SEEN[name, "/".join(sorted(self.states)), answer.status_code] += 1
        allowed_in = {state for state in possible if answer.status_code in ANSWERS[name][state]}
        self.states = AFTER.get((name, answer.status_code), allowed_in)
        return answer

    def settle(self):
        """Waits until the video moves on no more by itself."""
        deadline = time.monotonic() + 120
        while self.look() in BUSY:
            if time.monotonic() > deadline:
                raise Wrong(f"the video is {self.states} for two minutes")
            time.sleep(0.2)

    def walk(self):
        chance, path, id = self.chance, "/v1/videos/{id}", {"id": self.id}
        language, rung = chance.choice(["en", "de", "pt-BR"]), chance.choice(["360p", "480p", "90p"])
        steps = [
            ("wait", 4, lambda: self.settle()),
            ("describe", 2, lambda: self.describe()),
            ("show", 2, lambda: self.step("show", "PATCH", path, json={
                "visibility": chance.choice(["public", "private"])}, **id)),
            ("delete", 2, lambda: self.step("delete", "DELETE", path, **id)),
            ("delete-many", 1, lambda: self.step("delete-many", "POST", "/v1/videos/delete", json={
                "ids": [self.id]})),
            ("restore", 3, lambda: self.step("restore", "POST", path + "/restore", **id)),
            ("retry", 2, lambda: self.step("retry", "POST", path + "/retry", **id)),
            ("encode", 2, lambda: self.step("encode", "POST", path + "/encode", json=chance.choice(
                [{}, {"level": "fast"}, {"ladder": [{"height": 90, "max_bitrate_kbps": 200}]}]), **id)),
            ("add-track", 2, lambda: self.step("add-track", "PUT", path + "/text-tracks/{lang}", data=VTT,
                                               headers={"content-type": "text/vtt"}, lang=language, **id)),
            ("remove-track", 1, lambda: self.step("remove-track", "DELETE", path + "/text-tracks/{lang}",
                                                  lang=language, **id)),
            ("tracks", 1, lambda: self.step("tracks", "GET", path + "/text-tracks", **id)),
            ("set-poster", 1, lambda: self.step("set-poster", "PUT", path + "/poster", data=self.clips.image,
                                                headers={"content-type": "image/jpeg"}, **id)),
            ("poster-frame", 1, lambda: self.step("poster-frame", "PUT", path + "/poster",
                                                  json={"at_secs": 0.5}, **id)),
            ("remove-poster", 1, lambda: self.step("remove-poster", "DELETE", path + "/poster", **id)),
            ("download", 1, lambda: self.download(rung)),
            ("token", 1, lambda: self.token()),
        ]
        names, weights = [step[0] for step in steps], [step[1] for step in steps]
        dict((name, run) for name, _, run in steps)[chance.choices(names, weights)[0]]()

    def describe(self):
        title = f"Title {self.chance.random()}"
        answer = self.step("describe", "PATCH", "/v1/videos/{id}", json={"title": title}, id=self.id)
        if answer.status_code == 200 and answer.json()["title"] != title:
            raise Wrong(f"the title is not {title!r}: {answer.text}")

    def token(self):
        answer = self.step("token", "POST", "/v1/videos/{id}/playback-tokens", json={"expires_in": 60}, id=self.id)
        if self.states - {"deleting", "gone"} and (answer.status_code == 201) != self.is_private:
            raise Wrong(f"{answer.status_code} for a video that is {'private' if self.is_private else 'public'}")

    def download(self, rung):
        """A rung that is not there is a fault of the request, in each state with a stream."""
        self.look()
        possible = closure(self.states)
        expected = set().union(*(ANSWERS["download"][state] for state in possible))
        if possible - {"uploading", "failed", "deleting", "gone"}:
            expected = expected | {400}
        answer = self.client.call("GET", "/v1/videos/{id}/download", expected, f"in {sorted(self.states)}",
                                  params={"rung": rung}, id=self.id)
        SEEN["download", "/".join(sorted(self.states)), answer.status_code] += 1
        self.states = possible

    def end(self):
        """Deletes the video and waits until nothing of it is found."""
        self.step("delete", "DELETE", "/v1/videos/{id}", id=self.id)
        deadline = time.monotonic() + 90
        while self.look() != "gone":
            if time.monotonic() > deadline:
                raise Wrong("the video is not gone after 90 s")
            time.sleep(0.3)
        for name in ("describe", "restore", "retry"):
            method, path = {"describe": ("PATCH", ""), "restore": ("POST", "/restore"), "retry": ("POST", "/retry")}[name]
            body = {"json": {"title": "Late"}} if name == "describe" else {}
            self.step(name, method, "/v1/videos/{id}" + path, id=self.id, **body)


def walk_webhook(client, chance):
    body = {"url": "http://127.0.0.1:1/hook", "description": "A walk"}
    made = client.call("POST", "/v1/webhooks", {201, 409}, json=body)
    if made.status_code == 409:
        return
    webhook, path = made.json(), "/v1/webhooks/{id}"
    id = {"id": webhook["id"]}
    for _ in range(chance.randrange(8)):
        step = chance.choice(["get", "change", "rotate", "test", "deliveries", "replay"])
        if step == "get":
            client.call("GET", path, {200}, **id)
        elif step == "change":
            client.call("PATCH", path, {200}, json={"description": f"{chance.random()}"}, **id)
        elif step == "rotate":
            rotated = client.call("POST", path + "/rotate", {200}, **id).json()
            if rotated["secret"] == webhook["secret"]:
                raise Wrong("the secret did not change")
        elif step == "test":
            client.call("POST", path + "/test", {200}, **id)
        elif step == "deliveries":
            client.call("GET", path + "/deliveries", {200}, **id)
        else:
            client.call("POST", path + "/replay", {202, 409}, json={"since": "2026-01-01T00:00:00Z"}, **id)
    client.call("DELETE", path, {204}, **id)
    for method, rest in (("GET", ""), ("DELETE", ""), ("POST", "/rotate"), ("POST", "/test"), ("GET", "/deliveries")):
        client.call(method, path + rest, {404}, "after its end", **id)


def walk_token(client, chance):
    scope = chance.choice(["read", "upload", "manage"])
    made = client.call("POST", "/v1/tokens", {201}, json={"name": "walk", "scopes": [scope]}).json()
    other = Client(client.api, made["token"], client.schema)
    other.call("GET", "/v1/videos", {403} if scope == "upload" else {200})
    client.call("DELETE", "/v1/tokens/{id}", {200}, id=made["id"])
    other.call("GET", "/v1/videos", {401}, "with a revoked token")
    client.call("DELETE", "/v1/tokens/{id}", {200, 404, 409}, "again", id=made["id"])


def walker(number, options, api, token, schema, clips, failures):
    chance = random.Random(f"{options.seed}/{number}")
    client = Client(api, token, schema)
    left = options.steps
    try:
        while left > 0:
            video = Video(client, chance, clips)
            steps = min(left, chance.randrange(5, 25))
            for _ in range(steps):
                video.walk()
            video.end()
            walk_webhook(client, chance)
            walk_token(client, chance)
            left -= steps
    except Exception as error:
        last = "\n    ".join(client.steps[-25:])
        failures.append(f"walker {number} (seed {options.seed}): {type(error).__name__}: {error}\n    {last}")
    print(f"walker {number}: {client.requests} requests", flush=True)


def clip(folder, name, *encode):
    path = folder / name
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", *encode, path], check=True)
    return path.read_bytes()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--walkers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        x264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
        clips = {
            "short": clip(folder, "short.mp4", "testsrc2=s=160x90:r=10:d=1", *x264),
            # More than one PUT takes.
            "long": clip(folder, "long.mp4", "testsrc2=s=640x360:r=25:d=4", *x264, "-crf", "1"),
            "broken": b"no video" * 1000,
        }
        image = clip(folder, "poster.jpg", "testsrc2=s=160x90:d=1", "-frames:v", "1")
        settings = {
            "HTTP__REQUESTS_PER_SEC": "0", "UPLOADS__SINGLE_PUT_MAX_BYTES": "200000",
            "UPLOADS__MAX_IN_FLIGHT": "100000", "HOUSEKEEPING__PURGE_DELAY_SECS": "2",
            "HOUSEKEEPING__PURGE_SECS": "1", "QUEUE__RETRY__FIRST_SECS": "1", "WEBHOOKS__ALLOW_PRIVATE": "true",
        }
        environment = os.environ | {f"LADDERD__{key}": value for key, value in settings.items()}
        command = [options.program, "serve", "--listen", "127.0.0.1:0", "--data-dir", f"{folder}/data"]
        log = open(folder / "log", "w+")
        daemon = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        try:
            api = daemon.stdout.readline().split()[3]
            made = subprocess.run([options.program, "token", "create", "--name", "walk", "--scope", "admin",
                                   "--data-dir", f"{folder}/data"], stdout=subprocess.PIPE, text=True, check=True)
            schema = schemathesis.openapi.from_url(f"{api}/openapi.json")
            failures = []
            threads = [threading.Thread(target=walker, args=(number, options, api, made.stdout.strip(), schema,
                                                             Clips(clips, image), failures))
                       for number in range(options.walkers)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            daemon.terminate()
            daemon.wait()
        errors = [line for line in pathlib.Path(log.name).read_text().splitlines() if " ERROR " in line]
        print("\n".join(line for line in errors[-20:] if "NotImplemented" not in line), end="")
    by_step = collections.defaultdict(list)
    for (step, state, status), count in sorted(SEEN.items()):
        by_step[step].append(f"{state} {status} x{count}")
    for step, seen in by_step.items():
        print(f"{step:14}{', '.join(seen)}")
    print("\n".join(failures) or "every answer was as the states allow and the document says")
    sys.exit(1 if failures else 0)


class Clips(dict):
    """The sources of uploads by kind, and the image of posters."""

    def __init__(self, clips, image):
        super().__init__(clips)
        self.image = image


if __name__ == "__main__":
    main()
