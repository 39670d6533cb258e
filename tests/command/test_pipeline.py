from __future__ import annotations

import os
import sys
from textwrap import dedent

import pytest
from django import forms

from tests.installed import SitePackages
from tests.running import content, run
from tom_pipeline_core import registry
from tom_pipeline_core.command import (
    CommandPipeline,
    Environment,
    InputRole,
    OutputFile,
    Patterns,
    When,
)
from tom_pipeline_core.exceptions import InvalidPipelineError

PROGRAM = """
import os, pathlib, sys, time
print('STEP reading', flush=True)
for n, name in enumerate(sys.argv[2:], 1):
    print(f'frame {n} of {len(sys.argv) - 2}')
    if pathlib.Path(name).read_bytes() == b'bad':
        print('ERROR: no stars in ' + pathlib.Path(name).name)
        sys.exit(3)
pathlib.Path('result.csv').write_text('MJD,MAG,ERR\\n60000.5,' + sys.argv[1] + ',0.02\\n')
pathlib.Path('environment.txt').write_text('\\n'.join(sorted(os.environ)))
"""


class Program(CommandPipeline):
    """Runs a small program of the test's."""

    short_name = "program"
    command = [sys.executable, "program.py", "{magnitude}", "{inputs}"]
    output_files = [
        OutputFile("*.csv", kind="photometry", bandpass="r", columns={
            "mjd": "MJD", "mag": "MAG", "mag_err": "ERR",
        }),
        OutputFile("environment.txt"),
    ]  # fmt: skip
    patterns = Patterns(
        progress=r"frame (?P<done>\d+) of (?P<total>\d+)",
        status=r"^STEP (.*)",
        error=r"^ERROR: (.*)",
    )

    class Parameters(forms.Form):
        magnitude = forms.FloatField(initial=14.5)


@pytest.fixture
def program(settings, samples, tmp_path, monkeypatch):
    """Make a pipeline of a class runnable, with the program beside it."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)

    def make(cls):
        command = [str(path) if item == "program.py" else item for item in cls.command]
        monkeypatch.setattr(cls, "command", command)
        name = f"{cls.__module__}:{cls.__qualname__}"
        settings.TOM_EDUCATION_PIPELINES = {cls.__name__: name}
        return cls.__name__

    return make


@pytest.mark.django_db
def test_a_program_runs_and_its_outputs_are_saved(program, target, make_product, monkeypatch):
    monkeypatch.setenv("DATABASE_PASSWORD", "secret")
    name = program(Program)
    frames = [make_product(target, "a.fits"), make_product(target, "b.fits")]
    process = run(name, *frames, parameters={"magnitude": 15.25})
    assert process.state == "succeeded", process.failure_message
    (point,) = target.photometryreduceddatum_set.all()
    assert (point.brightness, point.brightness_error, point.bandpass) == (15.25, 0.02, "r")
    assert process.progress_done == process.progress_total == 2
    assert "frame 2 of 2" in process.log_lines.values_list("text", flat=True)
    assert [event.value for event in process.events.filter(kind="status")] == ["reading"]
    saved = content(process.outputs.get(kind="file").product).split()
    assert "PATH" in saved
    assert not {"DATABASE_PASSWORD", "DJANGO_SETTINGS_MODULE", "PYTHONPATH"} & set(saved)
    assert os.environ["DATABASE_PASSWORD"] == "secret"


@pytest.mark.django_db
def test_a_program_that_fails_is_quoted(program, target, make_product):
    process = run(program(Program), make_product(target, "bad.fits", b"bad"))
    assert process.state == "failed"
    assert process.failure_kind == "pipeline error"
    assert process.failure_message.endswith("ended with exit code 3: no stars in bad.fits")
    assert not process.outputs.exists()


class PerFile(Program):
    command = [sys.executable, "program.py", "{magnitude}", "{input}"]
    per_file = True
    # the same file twice: the first pattern says what it is
    output_files = [OutputFile("environment.txt"), OutputFile("*.txt", kind="plot")]


@pytest.mark.django_db
def test_with_one_run_a_file_a_bad_file_is_skipped_and_outputs_are_named_apart(
    program, target, make_product
):
    name = program(PerFile)
    frames = [
        make_product(target, "a.fits"), make_product(target, "bad.fits", b"bad"),
        make_product(target, "b.fits"),
    ]  # fmt: skip
    process = run(name, *frames)
    assert process.state == "succeeded", process.failure_message
    names = sorted(process.outputs.values_list("name", flat=True))
    assert [name.removeprefix("program_") for name in names] == [
        "a_environment.txt",
        "b_environment.txt",
    ]
    skipped = process.inputs.get(fate="skipped")
    assert "no stars in bad.fits" in skipped.reason
    process = run(name, make_product(target, "bad.fits", b"bad"))
    assert process.state == "failed"


class Missing(CommandPipeline):
    short_name = "missing"
    command = ["no-such-program-anywhere", "{inputs}"]


class Killed(CommandPipeline):
    short_name = "killed"
    command = [
        sys.executable,
        "-c",
        "import os; print('here', flush=True); os.kill(os.getpid(), 11)",
    ]


class Silent(CommandPipeline):
    short_name = "silent"
    command = [sys.executable, "-c", ""]
    output_files = [OutputFile("*.cat")]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (Missing, "'no-such-program-anywhere' is not installed where the pipeline runs"),
        (Killed, "was killed by SIGSEGV: here"),
        (Silent, "ended without writing *.cat"),
    ],
)
def test_other_ways_to_fail_are_told_too(program, target, make_product, cls, message):
    process = run(program(cls), make_product(target))
    assert process.state == "failed"
    assert message in process.failure_message


class Roles(CommandPipeline):
    short_name = "roles"
    command = [
        sys.executable, "-c", "import sys; open('out.txt', 'w').write(' '.join(sys.argv[1:]))",
        "--dark", "{dark}", "--science", "{science}", When("deep", ["--deep"]),
    ]  # fmt: skip
    input_roles = [
        InputRole(role="dark", suffixes=[".dark.fits"], most=1),
        InputRole(role="science", suffixes=[".fits"]),
    ]

    class Parameters(forms.Form):
        deep = forms.BooleanField(required=False)


@pytest.mark.django_db
def test_input_files_get_their_role_by_suffix(program, target, make_product):
    name = program(Roles)
    assert Roles.allowed_suffixes == (".dark.fits", ".fits")
    dark, science = make_product(target, "n.dark.fits"), make_product(target, "s.fits")
    process = run(name, science, dark, parameters={"deep": True})
    words = content(process.outputs.get().product).split()
    assert [word.rpartition("/")[2] for word in words] == [
        "--dark", "n.dark.fits", "--science", "s.fits", "--deep",
    ]  # fmt: skip
    other = make_product(target, "t.fits")
    process = run(name, science, other)
    assert "needs at least 1 of dark (.dark.fits); 0 were chosen" in process.failure_message


def test_an_interpreter_that_is_not_there_is_named(program, samples, target, make_product):
    class Elsewhere(CommandPipeline):
        short_name = "elsewhere"
        command = ["{python}", "-c", ""]
        environment = Environment(interpreter="/no/such/python")

    from tom_pipeline_core.command.environment import interpreter
    from tom_pipeline_core.exceptions import AsyncError

    with pytest.raises(AsyncError, match="/no/such/python"):
        interpreter(Elsewhere.environment, "elsewhere", print)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({}, "must be a list"),
        ({"command": "rm -rf /"}, "must be a list"),
        ({"command": ["tool", "{sized}"]}, "uses sized, which is neither a parameter nor"),
        ({"command": ["tool", "{input}"]}, "uses input"),
    ],
)
def test_a_command_that_cannot_work_is_refused_when_the_class_is_made(attributes, message):
    with pytest.raises(InvalidPipelineError, match=message):
        type("Wrong", (CommandPipeline,), {"__module__": "nowhere", **attributes})


TOML = """
short_name = "sources"
verbose_name = "List of sources"
description = "Finds sources."
command = ["{python}", "-m", "finder", "{threshold}", "{mode}", "{inputs}",
           {when = "deep", arguments = ["--deep"]}]

[[inputs]]
role = "science"
suffixes = [".fits"]

[parameters.threshold]
type = "float"
default = 5
min = 1
label = "Threshold"
help = "In standard deviations."

[parameters.mode]
type = "choice"
choices = ["fast", "good"]
default = "fast"

[parameters.deep]
type = "boolean"

[[outputs]]
glob = "*.csv"
data_product_type = "photometry"

[patterns]
progress = '(?P<percent>\\\\d+) %'

[environment]
requirements = ["numpy>=2.2"]
python = "3.12"
"""


@pytest.fixture
def recipe(site_packages: SitePackages):
    def install(toml: str) -> None:
        package = site_packages.folder / "recipes"
        package.mkdir()
        (package / "sources.toml").write_text(toml)
        (package / "__init__.py").write_text(
            dedent("""
                from tom_pipeline_core.command import from_toml
                Sources = from_toml(__name__, 'sources.toml')
            """)
        )
        site_packages.install("tom-recipes", pipelines={"Sources": "recipes:Sources"})

    return install


def test_a_toml_file_in_a_package_is_a_pipeline(recipe):
    recipe(TOML.replace("\\\\", "\\"))
    cls = registry.load("Sources")
    assert cls.verbose_name == "List of sources"
    assert cls.environment.requirements == ["numpy>=2.2"]
    assert cls.allowed_suffixes == (".fits",)
    assert cls.Parameters is not None
    form = cls.Parameters({"threshold": "0.5", "mode": "bad"})
    assert set(form.errors) == {"threshold", "mode"}
    assert cls.Parameters.base_fields["threshold"].help_text == "In standard deviations."


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("short_name", "shortname", "there is no key shortname. Did you mean 'short_name'"),
        ('type = "float"', 'type = "number"', "parameters.threshold.type is 'number'"),
        ("min = 1", "minimum = 1", "no key parameters.threshold.minimum. Did you mean 'min'"),
        ('glob = "*.csv"', 'glob = "*.csv"\nkind = "table"', "file, plot or photometry"),
        ("{threshold}", "{treshold}", "uses treshold"),
        ("percent", "procent", "needs a group 'done' or 'percent'"),
        ("[patterns]", "[patterns", "cannot be read"),
    ],
)
def test_what_a_toml_file_gets_wrong_is_told_with_file_and_key(recipe, old, new, message):
    toml = TOML.replace("\\\\", "\\")
    assert old in toml
    recipe(toml.replace(old, new, 1))
    with pytest.raises(InvalidPipelineError, match=r"recipes/sources\.toml") as caught:
        registry.load("Sources")
    assert message in str(caught.value)
