"""
A plugin of others, tom-astrosource 0.1.4 of 2020, runs unmodified.

With astrosource 1.3.0, the only release that it can be imported with, it always ends with its own
"No files of type": it hands its files over by a keyword that release does not know. What counts here
is that this reaches the user.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from plugins.tom_education.tests.old_project import MANAGE, SETTINGS, URLS
from plugins.tom_education.tests.test_moving import ROOT, Site

FRAMES = ROOT.parent / "shared/data/lco_pds110"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("tom_astrosource") is None,
        reason="tom-astrosource is not installed: pip install tom-astrosource==0.1.4 "
        "astrosource==1.3.0",
    ),
    pytest.mark.skipif(not FRAMES.is_dir(), reason=f"there are no frames in {FRAMES}"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder: Path = tmp_path_factory.mktemp("astrosource")
    settings = SETTINGS.replace('"django_dramatiq", ', '"tom_pipeline_core", ').replace(
        '"old_app"', '"tom_astrosource"'
    )
    (folder / "settings.py").write_text(
        settings + "TOM_EDUCATION_PIPELINES = {'astrosource': "
        "'tom_astrosource.models.AstrosourceProcess'}\n"
    )
    (folder / "urls.py").write_text(URLS)
    (folder / "manage.py").write_text(MANAGE)
    site = Site(folder)
    site.run("manage.py", "migrate", "-v0")
    return site


def test_its_migrations_apply_and_none_is_missing(site):
    assert "No changes detected" in site.run("manage.py", "makemigrations", "--check", "--dry-run")
    assert "astrosource" in site.run("manage.py", "pipelines", "list")


def test_it_runs_on_real_frames_and_its_own_failure_reaches_the_page(site):
    files = [str(path) for path in sorted(FRAMES.glob("*11[56]*.fits.fz"))]
    prepared = site.ask(
        target="Target.objects.create(name='PDS 110', type='SIDEREAL', ra=80.8792, dec=-1.07325).pk",
        products=(
            "[(lambda p, f: (p.data.save(f.rpartition('/')[2], __import__('django.core.files', "
            "fromlist=['File']).File(open(f, 'rb'))), p.pk)[1])(__import__("
            "'tom_dataproducts.models', fromlist=['DataProduct']).DataProduct("
            f"target_id=1, data_product_type='fits_file'), f) for f in {files!r}]"
        ),
        started="client.post('/targets/1/data/', {'action': 'pipeline', "
        "'pipeline_name': 'astrosource', 'pipeline_flag_plot': 'on', '1': 'on', '2': 'on'}).json()",
    )
    assert prepared["started"] == {"ok": True}

    site.run("manage.py", "run_pipelines", "--drain")

    seen = site.ask(
        process="client.get('/api/pipeline/logs/1/').json()",
        page="page('/pipelines/1/')",
        steps="list(PipelineProcess.objects.get().events.values_list('value', flat=True))",
        flags="PipelineProcess.objects.get().parameters",
    )
    assert seen["process"]["status"] == "failed"
    assert seen["process"]["failure_message"].startswith("No files of type '.fz' found in")
    assert "No files of type" in seen["page"]
    assert seen["steps"] == ["queued", "running", "Gathering data files", "Initialising", "failed"]
    assert seen["flags"] == {"plot": True, "period": False, "eebls": False, "detrend": False}
