"""dlt, as its documentation has it: the REST client, and the destination's upsert."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

url, dsn, page_size, folder = sys.argv[1:]
os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR", "DLT_DATA_DIR": folder}

import dlt  # noqa: E402
from dlt.sources.helpers.rest_client import RESTClient  # noqa: E402
from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator  # noqa: E402


@dlt.resource(primary_key="id", write_disposition={"disposition": "merge", "strategy": "upsert"}, max_table_nesting=0)
def records() -> Iterator[list[Any]]:
    pages = PageNumberPaginator(base_page=1, page_param="page", total_path=None, stop_after_empty_page=True)
    client = RESTClient(base_url=url, data_selector="data", paginator=pages)
    yield from client.paginate("/records", params={"per_page": page_size})


begun = time.perf_counter()
at = urlsplit(dsn)
who = f"{at.username}:{at.password or 'none'}"  # it wants a password where the server asks for none, too
destination = dlt.destinations.postgres(f"postgresql://{who}@{at.hostname}:{at.port or 5432}{at.path}")
dlt.pipeline("peer", pipelines_dir=folder, dataset_name="dlt_peer", destination=destination).run(records())
print(time.perf_counter() - begun)
