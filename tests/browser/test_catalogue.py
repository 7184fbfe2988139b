"""An integration that comes with Syncdeck is loaded, and its job can be run once it has an account."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect


def test_an_integration_is_loaded_with_its_jobs_and_once_only(olga: Page) -> None:
    olga.goto("/integrations/")
    olga.get_by_role("link", name=re.compile("^GitHub")).first.click()
    expect(olga.get_by_role("heading", name="An account needs")).to_be_visible()
    olga.get_by_label("Also make its example jobs").check()
    olga.get_by_role("button", name=re.compile("^Load")).click()
    expect(olga.get_by_role("status").first).to_contain_text("GitHub is loaded into")
    expect(olga.locator("tbody").first).to_contain_text("github")

    olga.get_by_role("link", name=re.compile("^GitHub")).last.click()
    olga.get_by_role("button", name=re.compile("^Load")).click()
    expect(olga.get_by_role("status").first).to_contain_text("nothing was changed")

    olga.goto("/jobs/")
    olga.get_by_role("link", name=re.compile("^Run ")).first.click()
    expect(olga.get_by_role("heading", name="No account to run it for")).to_be_visible()
