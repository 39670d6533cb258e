from __future__ import annotations

import pytest

from tom_pipeline_core.executors.child_process import ChildProcessExecutor
from tom_pipeline_core.executors.child_process.environment import scrubbed
from tom_pipeline_core.executors.child_process.options import Options, memory_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("8 GiB", 8 << 30),
        ("8GiB", 8 << 30),
        ("1.5 gib", 3 << 29),
        ("500 MB", 500_000_000),
        ("64 mib", 64 << 20),
        ("1 TB", 10**12),
        ("40000000", 40_000_000),
        (40_000_000, 40_000_000),
    ],
)
def test_a_memory_limit_is_bytes_or_a_size_with_a_unit(text, size):
    assert memory_size("memory_limit", text) == size


@pytest.mark.parametrize(
    "value", ["8 gigs", "", "GiB", "-1 GiB", "1e3 MB", True, float("nan"), float("inf"), [8], "8 G"]
)
def test_what_is_no_size_is_refused_with_the_accepted_form(value):
    with pytest.raises(ValueError, match=r"memory_limit must be a size such as '8 GiB'"):
        ChildProcessExecutor(memory_limit=value)


@pytest.mark.parametrize("value", [0, "0 B", "1 MiB", -5])
def test_a_limit_in_which_nothing_can_run_is_refused(value):
    with pytest.raises(ValueError, match="memory_limit must be at least 32 MiB"):
        ChildProcessExecutor(memory_limit=value)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("time_limit", 0, "time_limit must be a number of seconds above 0, not 0"),
        ("time_limit", "1h", "not '1h'"),
        ("time_limit", True, "not True"),
        ("grace", -1, "grace must be a number of seconds above 0"),
        ("start", "spawn", "start must be 'fork' or 'exec', not 'spawn'"),
        ("nice", 20, "nice must be a whole number from 0 to 19"),
        ("threads", 0, "threads must be a whole number of at least 1"),
        ("preload", "numpy", "preload must be a list of names"),
        ("pass_env", [1], "pass_env must be a list of names"),
        ("env", {"A": 1}, "env must be a dictionary with text"),
        ("entry", "nothing", "entry must be 'module:function'"),
        ("memory", "8 GiB", "there is no option 'memory'; there are start, preload"),
    ],
)
def test_a_useless_option_is_refused_with_its_name_and_the_accepted_form(option, value, words):
    with pytest.raises(ValueError, match=words):
        ChildProcessExecutor(**{option: value})


def test_none_stands_for_the_default():
    assert Options.read(time_limit=None, memory_limit=None) == Options()


def test_a_run_gets_harmless_variables_only():
    worker = {
        "PATH": "/bin",
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": "/site",
        "DJANGO_SETTINGS_MODULE": "site.settings",
        "SECRET_KEY": "s",
        "DATABASE_URL": "postgres://user:password@host/db",
        "AWS_SECRET_ACCESS_KEY": "a",
    }

    kept = scrubbed(worker, Options())

    assert {"PATH", "LC_ALL", "PYTHONPATH", "DJANGO_SETTINGS_MODULE"} <= kept.keys()
    assert not {"SECRET_KEY", "DATABASE_URL", "AWS_SECRET_ACCESS_KEY"} & kept.keys()


def test_the_site_adds_variables_by_name_and_by_value():
    kept = scrubbed(
        {"AWS_REGION": "eu", "AWS_KEY": "k", "OTHER": "o", "OMP_NUM_THREADS": "8"},
        Options.read(pass_env=["AWS_*"], env={"PATH": "/opt/bin"}, threads=2),
    )

    assert (kept["AWS_REGION"], kept["AWS_KEY"], kept["PATH"]) == ("eu", "k", "/opt/bin")
    assert kept["OMP_NUM_THREADS"] == kept["OPENBLAS_NUM_THREADS"] == "2"
    assert "OTHER" not in kept
