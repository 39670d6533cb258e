from __future__ import annotations

import pytest

from tom_pipeline_core.models import LogLine, PipelineProcess

pytestmark = pytest.mark.django_db


@pytest.fixture
def process(target) -> PipelineProcess:
    process = PipelineProcess.objects.create(target=target)
    for number in range(5):
        process.log(f"line {number}")
    return process


def log(process, query=""):
    return f"/api/pipelines/processes/{process.pk}/log/{query}"


def test_lines_come_in_order_and_the_cursor_goes_on_from_them(api, process):
    first = api.get(log(process, "?limit=3")).json()
    second = api.get(log(process, f"?limit=3&after={first['after']}")).json()
    third = api.get(log(process, f"?after={second['after']}")).json()

    assert [line["text"] for line in first["lines"]] == ["line 0", "line 1", "line 2"]
    assert [line["text"] for line in second["lines"]] == ["line 3", "line 4"]
    assert (first["more"], second["more"]) == (True, False)
    assert (third["lines"], third["after"]) == ([], second["after"])


def test_a_poll_without_news_is_304_and_one_with_a_new_line_is_not(api, process):
    end = api.get(log(process)).json()["after"]
    quiet = api.get(log(process, f"?after={end}"))
    same = api.get(log(process, f"?after={end}"), HTTP_IF_NONE_MATCH=quiet["ETag"])
    process.log("news")
    news = api.get(log(process, f"?after={end}"), HTTP_IF_NONE_MATCH=quiet["ETag"])

    assert same.status_code == 304
    assert [line["text"] for line in news.json()["lines"]] == ["news"]


def test_the_end_of_the_process_is_news(api, process):
    before = api.get(log(process))
    PipelineProcess.objects.filter(pk=process.pk).update(state="failed")

    after = api.get(log(process), HTTP_IF_NONE_MATCH=before["ETag"])

    assert (before.json()["ended"], after.json()["ended"]) == (False, True)


def test_lines_of_other_processes_are_not_given(api, process, target):
    PipelineProcess.objects.create(target=target).log("of another")

    assert LogLine.objects.count() == 6
    assert len(api.get(log(process)).json()["lines"]) == 5


@pytest.mark.parametrize(
    "query", ["?after=-1", "?after=x", "?limit=0", "?limit=9999999", "?after=1.5", "?until=3"]
)
def test_a_malformed_cursor_is_refused(api, process, query):
    answer = api.get(log(process, query))

    assert answer.status_code == 400
    assert answer.json()["errors"]
