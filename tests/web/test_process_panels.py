from __future__ import annotations

import pytest

from tests.running import run

pytestmark = pytest.mark.django_db

HOOKS = """
from tom_pipeline_core.hookspecs import Panel, hookimpl

@hookimpl
def process_panels(process, request):
    if {raises!r}:
        raise RuntimeError
    return [Panel(title='Weather', template={template!r}, context={{'x': 1}})]
"""


@pytest.mark.parametrize(
    ("raises", "template", "shown"),
    [
        (False, "tom_pipeline_core/email/ended.txt", "Weather"),
        (True, "", "The plugin tom-weather 1.0 could not show its part of this page."),
        (False, "no/such.html", "The plugin tom-weather 1.0 could not show its part of this page."),
    ],
)
def test_a_plugin_s_panel_is_shown_and_a_broken_one_names_its_plugin(
    site_packages, samples, target, make_product, client, superuser, raises, template, shown
):
    site_packages.install(
        "tom-weather", hooks={"hooks": "weather_hooks"},
        modules={"weather_hooks": HOOKS.format(raises=raises, template=template)},
    )  # fmt: skip
    process = run("Copy", make_product(target))
    client.force_login(superuser)
    response = client.get(process.get_absolute_url())
    assert response.status_code == 200
    assert shown in response.content.decode()
    assert "copy_names.txt" in response.content.decode()  # the rest of the page is there
