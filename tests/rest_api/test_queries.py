"""The number of queries does not depend on how much there is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests import running
from tom_pipeline_core.models import (
    InputFile,
    Measurement,
    OutputRecord,
    PipelineProcess,
    ProcessEvent,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("samples")]

# One for the token, three for the rights of a user without any (guardian), the rest for the answer.
EXPECTED = {
    "": 1,
    "available/": 1,
    "available/Adjustable/": 1,
    "inputs/?target={target}": 7,
    "targets/": 5,
    "processes/": 5,
    "processes/{pk}/": 5,
    "processes/{pk}/log/": 6,
    "processes/{pk}/outputs/": 8,
    "processes/{pk}/inputs/": 8,
    "processes/{pk}/events/": 6,
    "processes/{pk}/measurements/": 6,
    "processes/{pk}/photometry/": 6,
}


@pytest.fixture
def process(target, make_product, user):
    return running.run("Typed", make_product(target), user=user)


def more_of_everything(process, user) -> None:
    product = process.inputs.get().product
    now = timezone.now()
    for number in range(30):
        other = PipelineProcess.objects.create(target=process.target, user=user)
        assert other.pk
        process.log(f"line {number}")
        InputFile.objects.create(process=process, product=product, name="again.fits")
        Measurement.objects.create(process=process, product=product, name="fwhm", value=3)
        OutputRecord.objects.create(process=process, kind="file", product=product, name="x")
        ProcessEvent.objects.create(
            process=process, time=now, kind="status", value="step", user=user
        )
        point = process.target.photometryreduceddatum_set.first()
        point.pk, point.timestamp = None, point.timestamp + timedelta(seconds=number + 1)
        type(point).objects.bulk_create([point])


@pytest.mark.parametrize("path", EXPECTED)
def test_queries_per_endpoint_are_constant(api, process, user, path):
    address = "/api/pipelines/" + path.format(pk=process.pk, target=process.target_id)

    def count() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = api.get(address)
            assert answer.status_code == 200, answer.content
        return len(queries)

    count()  # what is read once per process of the server is read now
    few = count()
    more_of_everything(process, user)
    many = count()

    assert (few, many) == (EXPECTED[path], EXPECTED[path])
