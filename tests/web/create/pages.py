"""Reading the page of a new process in tests, as a browser without scripts would."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from typing import Any

from django.test import Client
from django.urls import reverse


class _Fields(HTMLParser):
    """Collects what the form of the page would send."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, list[str]] = {}
        self.select = ""
        self.inside = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag == "form":
            self.inside = given.get("id") == "tpc-create"
        name = given.get("name") or ""
        if not self.inside:
            return
        if tag == "select":
            self.select = name
        elif tag == "option" and "selected" in given:
            self.add(self.select, given.get("value") or "")
        elif tag == "textarea":
            self.add(name, "")
        elif tag == "input" and name:
            kind = given.get("type", "text")
            if kind not in ("checkbox", "radio") or "checked" in given:
                self.add(name, given.get("value") or ("on" if kind == "checkbox" else ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False

    def add(self, name: str, value: str) -> None:
        self.values.setdefault(name, []).append(value)


class CreatePage:
    """The page in a client, with what its form holds at present."""

    def __init__(self, client: Client, query: str = "", **options: Any) -> None:
        self.client = client
        self.address = reverse("tom_pipeline_core:process-create")
        self.take(client.get(self.address + query, **options))

    def take(self, response: Any) -> Any:
        self.response = response
        self.content = response.content.decode()
        parser = _Fields()
        parser.feed(self.content)
        self.fields = parser.values
        return response

    def press(self, button: str, **changes: Any) -> Any:
        """Send the form by a button, with some fields filled in first."""
        fields: dict[str, Any] = {**self.fields, **changes, "do": button}
        return self.take(self.client.post(self.address, fields))

    @property
    def errors(self) -> list[tuple[str, str]]:
        """The field and the text of each error."""
        found = re.findall(r'<li data-field="([^"]*)">(.*?)</li>', self.content, re.DOTALL)
        return [
            (field, html.unescape(re.sub(r"<[^>]*>", "", text)).strip()) for field, text in found
        ]

    @property
    def names(self) -> list[str]:
        """The files in the table."""
        return re.findall(r'<label for="tpc-product-\d+">([^<]*)</label>', self.content)

    @property
    def count(self) -> int:
        match = re.search(r'id="tpc-count"[^>]*>(\d+)<', self.content)
        assert match is not None
        return int(match[1])
