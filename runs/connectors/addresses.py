"""The addresses that a config names."""

from __future__ import annotations

from runs.connectors.address_guard import AddressRefused, parse_url
from runs.connectors.faults import Section
from runs.connectors.placeholders import literal_text, located


def address(section: Section, key: str, *, with_query: bool, required: bool = True) -> str:
    """The address at the key, which may hold placeholders, also for its beginning; empty where there may be none."""
    url = section.template(key, required=required)
    fixed = literal_text(url)
    if url and not url.startswith(("http://", "https://", "{{")):
        section.fail(key, "must begin with https:// (or http://, where private networks are allowed).")
    elif "#" in fixed or "@" in fixed or ("?" in fixed and not with_query):
        parts = "user name and fragment" if with_query else "user name, query and fragment"
        section.fail(key, f"must be an address without {parts}.")
    elif url and url.isprintable() and not url.startswith("{{"):
        _check_that_it_leads_somewhere(section, key, url)
    return url


def _check_that_it_leads_somewhere(section: Section, key: str, url: str) -> None:
    """Whatever the placeholders stand for: a digit is right in host and port."""
    for placeholder in located(url):
        url = url.replace(placeholder.text, "1")
    try:
        parse_url(url)
    except AddressRefused as error:
        section.fail(key, error.message)
