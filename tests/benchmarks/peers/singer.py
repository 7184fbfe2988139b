"""Singer: tap-rest-api-msdk into target-postgres, joined by a pipe. Which columns there are is found out beforehand.

The seconds contain the start of both processes, which is how they are used.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

url, dsn, page_size, folder = sys.argv[1:]
homes, at = Path(sys.prefix).parent, urlsplit(dsn)
stream = {
    "name": "records",
    "path": "/records",
    "primary_keys": ["id"],
    "records_path": "$.data[*]",
    "num_inference_records": 50,
    "params": {"per_page": int(page_size)},
}
tap = {
    "api_url": url,
    "streams": [stream],
    "pagination_request_style": "jsonpath_paginator",
    "pagination_response_style": "page",
    "next_page_token_path": "$.next_page",
    "pagination_next_page_param": "page",
}
server = {"host": at.hostname, "port": at.port or 5432, "user": at.username, "password": at.password or "none"}
target = {
    **server,
    "database": at.path[1:],
    "default_target_schema": "singer_peer",
    "load_method": "upsert",
    "use_copy": True,
    "add_record_metadata": False,
    "validate_records": False,
    "activate_version": False,
}
for name, config in (("tap", tap), ("target", target)):
    Path(folder, f"{name}.json").write_text(json.dumps(config))
tapping = [str(homes / "peers-tap/bin/tap-rest-api-msdk"), "--config", "tap.json"]
taking = [str(homes / "peers-target/bin/target-postgres"), "--config", "target.json"]

with Path(folder, "log").open("w") as log:  # a line or two for each page
    catalog = subprocess.run([*tapping, "--discover"], stdout=subprocess.PIPE, stderr=log, cwd=folder, check=True)
    Path(folder, "catalog.json").write_bytes(catalog.stdout)
    tapping += ["--catalog", "catalog.json"]
    begun = time.perf_counter()
    with subprocess.Popen(tapping, stdout=subprocess.PIPE, stderr=log, cwd=folder) as sent:
        subprocess.run(taking, stdin=sent.stdout, stdout=subprocess.DEVNULL, stderr=log, cwd=folder, check=True)
assert sent.returncode == 0
print(time.perf_counter() - begun)
