"""How a list goes on after a page. A new way is one class and its line in PAGINATIONS.

`pagination` of an integration or a method is `{format, config}`; null: a single page. What a config may hold:

page         page_key            the parameter that counts pages; required
             start_page          the first page's number (1)
             total_pages_path    where the body tells the number of pages
             has_next_path       where the body says whether there is a next page
offset       offset_key          the parameter that counts records; required
             total_path          where the body tells the number of records
             has_next_path       as above
cursor       cursor_key          the parameter that takes the cursor; required unless is_link
             cursor_path         where the body holds the cursor; the list ends where it holds none
             cursor_header       the header that holds the cursor, instead of cursor_path
             cursor_from         `last_record`: cursor_path leads into the last record of the page
             is_link             true: the cursor is a link, which is followed unchanged
             has_next_path       as above; a next page without a cursor is then an error
link_header                      follows rel="next" of the header `Link`
range        unit                the header `Range: <unit>=0-99` (items)
             limit               records per page; without it the source decides
dynamic      initial_expression  JSONata: the values of the first page (see Dynamic for their form and scope)
             next_expression     JSONata: those of the next page; null ends; required
all          add_to_body         true: the parameters go into the body; `variables.after` leads into an object of it
page, offset concurrency         how many pages of one list may be asked for at once (1), within the integration's own
                                 `concurrency`; only for a source whose pages keep their places meanwhile
the first    limit_key, limit    the parameter for records per page, and its value where the entry's own query has none
four

Lists by page and offset end at a page that is empty, or shorter than the limit; with one of their paths, where the
source says so: one that caps the limit silently needs it. `*_param` is an alias of `*_key`. Paths are keys and indexes
between dots; a key that holds dots itself (`@odata.nextLink`) is found too. Links are followed within the integration's
origin only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from runs.connectors.faults import Section
from runs.connectors.pagination.dynamic import Dynamic
from runs.connectors.pagination.in_body import InBody, laid_over
from runs.connectors.pagination.numbered import Offset, PageNumber
from runs.connectors.pagination.page_size import page_size, with_page_size
from runs.connectors.pagination.protocol import Cursor, PageView, Pagination, Parts
from runs.connectors.pagination.ranges import RangeHeader
from runs.connectors.pagination.tokens import LinkHeader, TokenCursor

PAGINATIONS: Mapping[str, Callable[[Section], Pagination]] = {
    "page": PageNumber.parse,
    "offset": Offset.parse,
    "cursor": TokenCursor.parse,
    "link_header": LinkHeader.parse,
    "range": RangeHeader.parse,
    "dynamic": Dynamic.parse,
}

__all__ = [
    "PAGINATIONS",
    "Cursor",
    "Dynamic",
    "InBody",
    "LinkHeader",
    "Offset",
    "PageNumber",
    "PageView",
    "Pagination",
    "Parts",
    "RangeHeader",
    "TokenCursor",
    "laid_over",
    "page_size",
    "parse_pagination",
    "with_page_size",
]


def parse_pagination(section: Section) -> Pagination | None:
    """The pagination that the section describes; None if it describes none. Faults are noted in the section."""
    if not section.values:
        return None
    name = section.choice("format", PAGINATIONS)
    if name is None:
        return None
    config = section.section("config")
    pagination = PAGINATIONS[name](config)
    return InBody(pagination) if config.flag("add_to_body") else pagination
