"""Every hook is called as its specification says; ``test_hook_NAME`` must exist for each."""

from __future__ import annotations

import inspect
import logging
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from django.db import transaction

from tests.installed import PIPELINE
from tom_pipeline_core import hooks, hookspecs, registry, submission
from tom_pipeline_core.exceptions import OutputError, SubmissionRefused
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.models.moves import move
from tom_pipeline_core.outputs import File
from tom_pipeline_core.states import State

HEAD = "from tom_pipeline_core.hookspecs import Panel, hookimpl\ncalls = []\n"


@pytest.fixture
def plugin(site_packages):
    """Return a function that installs a hook module."""

    def install(source: str, name: str = "tom-hooks") -> None:
        module = name.replace("-", "_")
        site_packages.install(name, "1.1", hooks={"hooks": module}, modules={module: HEAD + source})

    return install


@pytest.fixture
def healthy(site_packages):
    site_packages.install(
        "tom-healthy", pipelines={"healthy": "healthy_plugin:Healthy"},
        modules={"healthy_plugin": PIPELINE},
    )  # fmt: skip


def calls(name: str = "tom_hooks") -> list:
    return sys.modules[name].calls


def others() -> list[hooks.HookModule]:
    """Return the hook modules that no shipped distribution brings."""
    shipped = ("tom-pipeline-core", "tom-pipeline-site-rules")
    return [each for each in hooks.modules() if each.distribution not in shipped]


def fault(code: str):
    return next(found for found in hooks.faults() if found.id.endswith(code))


def a_submission(**facts):
    return hookspecs.Submission(
        **{
            "pipeline": object, "pipeline_name": "healthy", "target": None, "products": (),
            "parameters": {}, "user": None, **facts,
        }
    )  # fmt: skip


def test_every_hook_has_a_test():
    missing = [name for name in hooks.hook_names() if f"test_hook_{name}" not in globals()]
    assert missing == []


def test_every_hook_is_used_by_a_plugin_that_is_shipped():
    root = Path(__file__).parents[1]
    shipped = [
        *(root / "tom_pipeline_core" / "notifications").glob("*.py"),
        *(root / "plugins").glob("*/*/hooks.py"),
    ]
    text = "\n".join(path.read_text("utf-8") for path in shipped)
    assert [name for name in hooks.hook_names() if f"@hookimpl\ndef {name}(" not in text] == []


def test_every_hook_says_when_it_is_called_and_what_result_and_exception_do():
    for name in hooks.hook_names():
        text = inspect.getdoc(getattr(hookspecs, name)) or ""
        for part in ("When: ", "Result: ", "Exception: "):
            assert part in text, f"{name} lacks {part!r}"


# -- loading


def test_a_module_that_cannot_be_imported_keeps_no_other_out(plugin):
    plugin("import sys; sys.exit(3)", "tom-aaa")
    plugin("@hookimpl\ndef register_pipelines(): return {'generated': 'lib:Class'}")
    assert "generated" in registry.entries()
    assert fault("E030").where == "tom-aaa 1.1"
    assert "SystemExit: 3" in fault("E030").what


def test_an_unknown_argument_is_refused_and_named(plugin):
    plugin("@hookimpl\ndef process_state_changed(process, colour): calls.append(colour)")
    assert others() == []
    assert "colour" in fault("E030").what


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("@hookimpl(hookwrapper=True)\ndef save_output(process): yield", "old-style hookwrapper"),
        ("@hookimpl(wrapper=True)\ndef outputs_saved(process): yield", "only save_output can be"),
    ],
)
def test_a_wrapper_that_would_have_no_effect_is_refused(plugin, line, message):
    plugin(line)
    assert others() == []
    assert message in fault("E030").what


def test_a_misspelt_hook_is_a_fault_with_the_nearest_name_and_the_rest_is_used(plugin):
    plugin(
        "@hookimpl\ndef proces_state_changed(process): pass\n"
        "@hookimpl\ndef outputs_saved(process): pass"
    )
    (module,) = others()
    assert module.hooks == ("outputs_saved",)
    assert "proces_state_changed, which is no hook" in fault("E031").what
    assert "process_state_changed?" in fault("E031").hint


def test_a_hook_of_a_newer_core_may_be_optional(plugin):
    plugin("@hookimpl(optionalhook=True)\ndef of_the_future(process): pass")
    hooks.load()
    assert hooks.faults() == []


def test_a_blocked_distribution_s_hooks_are_not_imported(plugin, settings):
    plugin("@hookimpl\ndef outputs_saved(process): pass")
    settings.TOM_PIPELINES = {"DENY": ["tom-hooks"]}
    assert others() == []
    assert "tom_hooks" not in sys.modules


def test_calls_are_traced_on_request(plugin, monkeypatch, caplog):
    monkeypatch.setenv("TOM_PIPELINES_TRACE", "1")
    hooks.conf.clear_cache()
    plugin("@hookimpl\ndef choose_executor(submission): return 'cluster'")
    try:
        with caplog.at_level(logging.INFO, "tom_pipeline_core.hooks"):
            assert hooks.executor_for(a_submission()) == "cluster"
    finally:
        monkeypatch.undo()
        hooks.conf.clear_cache()
    assert "hook choose_executor of tom-hooks 1.1: " in caplog.text


# -- each hook


def test_hook_register_pipelines(plugin, healthy):
    plugin(
        "@hookimpl\ndef register_pipelines():\n"
        "    return {'generated': 'healthy_plugin:Healthy2', 'bad': 'no class', 'healthy': 'x:Y'}"
    )
    entry = registry.find("generated")
    assert (entry.source, entry.qualified_id) == ("hook", "tom-hooks:generated")
    assert "healthy_plugin" not in sys.modules
    # the same precedence as for entry points
    assert {"tom-hooks:healthy", "tom-healthy:healthy"} <= set(registry.entries())
    (bad,) = (row for row in registry.listing() if row.name == "bad")
    assert bad.state == "load error"


def test_hook_register_pipelines_that_raises_harms_nobody(plugin, healthy):
    plugin("@hookimpl\ndef register_pipelines(): return 1 / 0")
    assert "healthy" in registry.entries()
    assert "ZeroDivisionError" in fault("W032").what


@pytest.mark.django_db
def test_hook_validate_submission(plugin, healthy, target, make_product):
    plugin(
        "@hookimpl\ndef validate_submission(submission):\n"
        "    calls.append(submission)\n"
        "    if submission.target.name == 'SN 2026abc': return ['Not in the full moon.']"
    )
    with pytest.raises(SubmissionRefused, match="Not in the full moon"):
        submission.submit("healthy", target=target, products=[make_product(target)])
    (seen,) = calls()
    assert (seen.pipeline_name, seen.target, seen.user) == ("healthy", target, None)
    assert not PipelineProcess.objects.exists()


def test_hook_validate_submission_fails_closed_and_takes_a_lone_text(plugin):
    plugin("@hookimpl\ndef validate_submission(): return 'One reason.'", "tom-aaa")
    plugin("@hookimpl\ndef validate_submission(): return 1 / 0", "tom-bbb")
    reasons = hooks.objections(a_submission())
    assert "One reason." in reasons
    assert any("tom-bbb 1.1 could not check" in reason for reason in reasons)


@pytest.mark.django_db
def test_hook_choose_executor(plugin, healthy, target, make_product, settings):
    settings.TOM_PIPELINES = {
        **settings.TOM_PIPELINES,
        "EXECUTORS": {"cluster": {"BACKEND": "immediate"}},
    }
    plugin("@hookimpl\ndef choose_executor(submission): return 1 / 0", "tom-zzz")  # asked first
    plugin("@hookimpl\ndef choose_executor(submission): return 'cluster'")
    products = [make_product(target)]
    process = submission.submit("healthy", target=target, products=products)
    assert process.executor_alias == "cluster"
    process = submission.submit("healthy", target=target, products=products, executor="default")
    assert process.executor_alias == "default"
    assert "ZeroDivisionError" in fault("W032").what


@pytest.mark.django_db
def test_hook_process_state_changed(
    plugin, healthy, target, make_product, django_capture_on_commit_callbacks
):
    plugin("@hookimpl\ndef process_state_changed(process): 1 / 0", "tom-zzz")
    plugin(
        "@hookimpl\ndef process_state_changed(process, old, new): "
        "calls.append((process.pk, old, new))"
    )
    with django_capture_on_commit_callbacks(execute=True):
        process = submission.submit("healthy", target=target, products=[make_product(target)])
    with django_capture_on_commit_callbacks(execute=True):
        assert submission.cancel(process)
    assert calls() == [
        (process.pk, None, State.QUEUED),
        (process.pk, State.QUEUED, State.CANCELLED),
    ]
    assert "raised 2 times" in fault("W032").what


@pytest.mark.django_db
def test_hook_process_state_changed_is_not_called_for_what_was_rolled_back(
    plugin, healthy, target, make_product, django_capture_on_commit_callbacks
):
    plugin("@hookimpl\ndef process_state_changed(new): calls.append(new)")
    with django_capture_on_commit_callbacks(execute=True):
        process = submission.submit("healthy", target=target, products=[make_product(target)])
        with transaction.atomic():
            move(process.pk, State.QUEUED, State.CANCELLED)
            transaction.set_rollback(True)
    assert calls() == [State.QUEUED]


def test_hook_save_output(plugin):
    plugin(
        "@hookimpl\ndef save_output(process, output):\n"
        "    if str(output.path).endswith('.xyz'): return (process.pk, output.path)"
    )
    process = SimpleNamespace(pk=7)
    assert hooks.save_output(process, File("a.xyz")) == (7, "a.xyz")
    assert hooks.save_output(process, File("a.fits")) is None


def test_hook_save_output_that_raises_is_named(plugin):
    plugin("@hookimpl\ndef save_output(output): raise OSError('disk full')")
    with pytest.raises(OutputError, match=r"tom-hooks 1\.1 could not save File: disk full"):
        hooks.save_output(SimpleNamespace(pk=7), File("a.xyz"))


def test_hook_save_output_may_be_wrapped(plugin):
    plugin("@hookimpl\ndef save_output(output): return [output.path]", "tom-saver")
    plugin(
        "@hookimpl(wrapper=True)\ndef save_output(output):\n"
        "    saved = yield\n    return [*saved, 'seen']"
    )
    assert hooks.save_output(SimpleNamespace(pk=7), File("a")) == ["a", "seen"]


@pytest.mark.django_db
def test_hook_outputs_saved(
    plugin, site_packages, target, make_product, settings, django_capture_on_commit_callbacks
):
    settings.TOM_PIPELINES = {
        **settings.TOM_PIPELINES,
        "EXECUTORS": {"default": {"BACKEND": "immediate"}},
    }
    site_packages.install(
        "tom-writer", pipelines={"writer": "writer_plugin:Writer"},
        modules={
            "writer_plugin": """
            from tom_pipeline_core.models import PipelineProcess

            class Writer(PipelineProcess):
                short_name = 'writer'

                def do_pipeline(self, tmpdir):
                    (tmpdir / 'kept.txt').write_text('x')
                    (tmpdir / 'mine.xyz').write_text('x')
                    return [tmpdir / 'kept.txt', tmpdir / 'mine.xyz']
            """
        },
    )  # fmt: skip
    plugin(
        "@hookimpl\ndef save_output(output):\n"
        "    if str(output.path).endswith('.xyz'): return object()\n"
        "@hookimpl\ndef outputs_saved(process, outputs): calls.append((process.pk, outputs))"
    )
    with django_capture_on_commit_callbacks(execute=True):
        process = submission.submit("writer", target=target, products=[make_product(target)])
    with django_capture_on_commit_callbacks(execute=True):
        run(process)
    process.refresh_from_db()
    assert process.state == State.SUCCEEDED
    ((pk, outputs),) = calls()
    assert pk == process.pk
    assert [record.name for record in outputs] == ["writer_kept.txt"]  # the other is the plugin's


def test_hook_process_panels(plugin):
    plugin(
        "@hookimpl\ndef process_panels(process, request):\n"
        "    return [Panel(title='late', template='a.html', order=200),\n"
        "            Panel(title='early', template='a.html', order=1)]"
    )
    plugin("@hookimpl\ndef process_panels(process): return 1 / 0", "tom-broken")
    shown = list(hooks.panels(SimpleNamespace(pk=7), SimpleNamespace()))
    assert [panel.title for _, panel in shown[:2]] == ["early", "late"]
    where, error = shown[2]
    assert where.where == "tom-broken 1.1"
    assert isinstance(error, ZeroDivisionError)


def run(process) -> None:
    from tom_pipeline_core.supervisor import Supervisor

    Supervisor().run(process.pk)


def test_the_specifications_are_light_to_import():
    assert isinstance(hookspecs, ModuleType)
    source = inspect.getsource(hookspecs)
    assert "\nfrom django" not in source
    assert "\nimport django" not in source
