"""The test class that a plugin's tests inherit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tom_pipeline_core.testing import conditions
from tom_pipeline_core.testing.conditions import Case


class PipelineContract:
    """
    What every good pipeline fulfils; inherit it and name the pipeline.

    ::

        from tom_pipeline_core.testing.contract import PipelineContract

        class TestStack(PipelineContract):
            pipeline = 'stack'          # as installed, or the class itself
            parameters = {'sigma': 3}   # optional

    Attributes
    ----------
    pipeline : str or type
        The name of an installed pipeline, ``module:Class``, or a class.
    parameters : mapping
        What the runs are given; the defaults otherwise.
    n_frames : int
        How many synthetic frames; override :meth:`make_inputs` for other files.
    """

    pipeline: Any = None
    parameters: Mapping[str, Any] = {}
    n_frames = 3

    def make_inputs(
        self, make_frames: Callable[..., Any]
    ) -> tuple[Sequence[Path], float | None, float | None]:
        """Return good input files, and right ascension and declination of the target (degrees)."""
        series = make_frames(n_frames=self.n_frames)
        return series.paths, series.target_ra, series.target_dec

    @pytest.fixture
    def case(self, pipeline_site: Any, make_frames: Callable[..., Any]) -> Case:
        """The pipeline with its inputs."""
        from tom_pipeline_core.testing.pytest_plugin import name_of

        files, ra, dec = self.make_inputs(make_frames)
        return Case(
            pipeline=name_of(self.pipeline), files=files, ra=ra, dec=dec, parameters=self.parameters
        )

    def test_it_says_what_it_does(self, case: Case) -> None:
        conditions.it_says_what_it_does(case)

    def test_its_parameters_explain_themselves(self, case: Case) -> None:
        conditions.its_parameters_explain_themselves(case)

    def test_it_succeeds_on_good_files(self, case: Case) -> None:
        conditions.it_succeeds_on_good_files(case)

    def test_two_runs_agree(self, case: Case) -> None:
        conditions.two_runs_agree(case)

    def test_a_file_that_is_no_data_is_refused_in_words(self, case: Case) -> None:
        conditions.a_file_that_is_no_data_is_refused_in_words(case)

    @pytest.mark.django_db(transaction=True)  # the run is another process and has to see the row
    def test_it_stops_within_five_seconds(self, case: Case) -> None:
        try:
            conditions.it_stops_within_five_seconds(case)
        except conditions.NotTried as reason:
            pytest.skip(str(reason))
