"""Uploads a folder of videos to ladderd, waits until they are processed, and lists those that failed.

    python3 upload_folder.py FOLDER [TAG]

LADDERD_URL is the appliance, LADDERD_TOKEN a token with the scopes upload and read. Exits with 1 if a video failed.
"""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

PARALLEL = 3
TRIES = 5
ENDED = ("ready", "failed", "deleting")

headers = {"authorization": f"Bearer {token}"} if (token := os.environ.get("LADDERD_TOKEN")) else {}
api = httpx.Client(base_url=os.environ.get("LADDERD_URL", "http://127.0.0.1:8080"), headers=headers, timeout=60)
# The store gets signed URLs, and no token.
store = httpx.Client(timeout=300)


def answered(send):
    """Sends a request until it is answered. A problem becomes an error in its own words."""
    for attempt in range(1, TRIES + 1):
        try:
            answer = send()
        except httpx.TransportError:
            if attempt == TRIES:
                raise
        else:
            if answer.is_success:
                return answer
            if attempt == TRIES or answer.status_code not in (408, 429, 500, 502, 503, 504):
                is_problem = answer.headers.get("content-type") == "application/problem+json"
                sys.exit(answer.json()["detail"] if is_problem else f"{answer.status_code}: {answer.text}")
        time.sleep(2**attempt)


def put(url, body, headers=None):
    """Sends bytes to a signed URL. Returns their entity tag."""
    return answered(lambda: store.put(url, content=body, headers=headers)).headers.get("etag")


def upload(path, tags):
    """Uploads a file. Returns the id of its video."""
    wish = {"filename": path.name, "size_bytes": path.stat().st_size, "tags": tags}
    # The same key for each try: a POST that was answered, but not heard, makes no second video.
    key = {"idempotency-key": os.urandom(16).hex()}
    plan = answered(lambda: api.post("/v1/uploads", json=wish, headers=key)).json()
    how = plan["upload"]
    if "url" in how:
        put(how["url"], path.read_bytes(), how["headers"])
        return plan["video_id"]
    parts = []
    with path.open("rb") as file:
        for part in how["parts"]:
            etag = put(part["url"], file.read(how["part_size_bytes"]))
            parts.append({"number": part["number"], "etag": etag})
    answered(lambda: api.post(how["complete_url"], json={"parts": parts}))
    return plan["video_id"]


def wait(video_id):
    """Waits until a video is ready or has failed. Returns it."""
    while True:
        video = answered(lambda: api.get(f"/v1/videos/{video_id}")).json()
        if video["state"] in ENDED:
            return video
        time.sleep(1)


def process(path, tags):
    print(f"uploading {path.name}", file=sys.stderr)
    return wait(upload(path, tags))


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder, tags = Path(sys.argv[1]), sys.argv[2:]
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    with ThreadPoolExecutor(PARALLEL) as pool:
        videos = list(pool.map(lambda path: process(path, tags), files))
    failed = [video for video in videos if video["state"] != "ready"]
    for video in videos:
        if video["state"] == "ready":
            print(f"{video['filename']}: {video['playback_url']}")
    for video in failed:
        error = video.get("error") or {"code": video["state"], "message": "it was deleted"}
        print(f"{video['filename']}: failed: {error['code']}: {error['message']}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
