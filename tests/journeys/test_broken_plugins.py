"""A plugin breaks in one way or another; pages, API, commands and runs of the others go on."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.urls import reverse

from tests.installed import PIPELINE
from tests.running import run
from tom_pipeline_core.models import PipelineProcess

pytestmark = pytest.mark.django_db

GOOD = {"pipelines": {"faulty": "faulty_plugin:Healthy"}, "modules": {"faulty_plugin": PIPELINE}}

FAULTS = {
    "it cannot be imported": {**GOOD, "modules": {"faulty_plugin": "import no_such_module"}},
    "its import ends the program": {**GOOD, "modules": {"faulty_plugin": "raise SystemExit(3)"}},
    "its import interrupts itself": {
        **GOOD, "modules": {"faulty_plugin": "raise GeneratorExit"},
    },
    "its module is not there": {"pipelines": {"faulty": "not_installed:Class"}},
    "its class is none": {**GOOD, "modules": {"faulty_plugin": "Healthy = 3"}},
    "its parameters are no form": {
        **GOOD,
        "modules": {
            "faulty_plugin": PIPELINE.replace("short_name = ", "Parameters = int; short_name = ")
        },
    },
    "its parameters raise": {
        **GOOD,
        "modules": {
            "faulty_plugin": PIPELINE
            + """
        from django import forms

        class Parameters(forms.Form):
            def __init__(self, *args, **kwargs):
                raise OSError('no catalogue')
"""
        },
    },
    "its entry point is malformed": {"pipelines": {"faulty": "not a class!"}},
    "it was made for another core": {**GOOD, "requires": "tom-pipeline-core>=99"},
    "it claims another one's name": {"pipelines": {"healthy": "faulty_plugin:Other"}},
    "its hooks cannot be imported": {
        **GOOD, "hooks": {"hooks": "faulty_hooks"},
        "modules": {"faulty_plugin": PIPELINE, "faulty_hooks": "1 / 0"},
    },
    "its hooks raise": {
        **GOOD, "hooks": {"hooks": "faulty_hooks"},
        "modules": {
            "faulty_plugin": PIPELINE,
            "faulty_hooks": (
                "from tom_pipeline_core.hookspecs import hookimpl\n"
                "@hookimpl\ndef register_pipelines(): 1 / 0\n"
                "@hookimpl\ndef choose_executor(): 1 / 0\n"
                "@hookimpl\ndef process_state_changed(): 1 / 0\n"
                "@hookimpl\ndef outputs_saved(): 1 / 0\n"
                "@hookimpl\ndef process_panels(): 1 / 0\n"
            ),
        },
    },
    "an uninstallation was interrupted": {**GOOD, "folder": "~om_faulty-1.0.dist-info"},
}  # fmt: skip


@pytest.fixture
def site(site_packages, samples, settings):
    settings.TOM_EDUCATION_PIPELINES = {}
    site_packages.install(
        "tom-healthy", "3.2", pipelines={"healthy": "healthy_plugin:Healthy"},
        modules={"healthy_plugin": PIPELINE},
    )  # fmt: skip
    return site_packages


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_breaks_in_one_plugin_the_others_work(
    site, target, make_product, client, superuser, fault, django_capture_on_commit_callbacks
):
    site.install("tom-faulty", **FAULTS[fault])
    product = make_product(target)
    healthy = "tom-healthy:healthy"
    with django_capture_on_commit_callbacks(execute=True):
        process = run(healthy, product)
    assert process.state == "succeeded", process.failure_message
    client.force_login(superuser)
    create = reverse("tom_pipeline_core:process-create")
    for address in (
        f"{create}?target={target.pk}&products={product.pk}",
        reverse("tom_pipeline_core:target-tab", args=[target.pk]),
        reverse("tom_pipeline_core:process-list"),
        reverse("tom_pipeline_core:plugin-list"),
        process.get_absolute_url(),
        f"{process.get_absolute_url()}?tab=about",
    ):
        for _ in range(2):  # also when the failure is remembered
            response = client.get(address)
            assert response.status_code == 200, address
    page = client.get(reverse("tom_pipeline_core:plugin-list")).content.decode()
    assert "tom-healthy" in page
    call_command("check")
    call_command("pipelines", "list", "--no-import", verbosity=0)


def test_a_removed_plugin_leaves_its_processes_readable(
    site, target, make_product, client, superuser, tmp_path
):
    process = run("healthy", make_product(target))
    info = site.folder / "tom_healthy-3.2.dist-info"
    info.rename(tmp_path / "removed")
    site.changed()
    client.force_login(superuser)
    for tab in ("", "?tab=outputs", "?tab=log", "?tab=parameters", "?tab=about"):
        response = client.get(process.get_absolute_url() + tab)
        assert response.status_code == 200, tab
        assert "healthy" in response.content.decode()
        assert "3.2" in response.content.decode()


def test_a_process_whose_plugin_went_while_it_was_queued_fails_and_says_so(
    site, target, make_product, tmp_path
):
    from tom_pipeline_core import submission
    from tom_pipeline_core.supervisor import Supervisor

    process = submission.submit("healthy", target=target, products=[make_product(target)])
    (site.folder / "tom_healthy-3.2.dist-info").rename(tmp_path / "removed")
    site.changed()
    Supervisor().run(process.pk)
    process = PipelineProcess.objects.get(pk=process.pk)
    assert process.state == "failed"
    assert process.failure_kind == "plugin missing"
    assert "There is no pipeline 'tom-healthy:healthy'" in process.failure_message
