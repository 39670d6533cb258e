from __future__ import annotations

import logging

import pytest
from django.db import DatabaseError, connection

from tests.sample_pipelines import Copy
from tom_pipeline_core.models import LogLine
from tom_pipeline_core.process_log import LINE_MAX, LogWriter, clean_text, lines_after, say

pytestmark = pytest.mark.django_db


@pytest.fixture
def process(target):
    return Copy.objects.create(target=target)


def texts(process):
    return list(process.log_lines.values_list("text", flat=True))


def test_lines_are_written_in_batches(
    process, django_assert_num_queries, django_assert_max_num_queries
):
    writer = LogWriter(process.pk, 1, max_lines=1000)

    with django_assert_num_queries(0):
        for number in range(400):
            writer.line(0.0, "log", logging.INFO, f"line {number}")
    with django_assert_max_num_queries(4):  # SQLite takes some hundred rows at a time
        writer.flush()

    assert texts(process)[:2] == ["line 0", "line 1"]
    assert process.log_lines.count() == 400


@pytest.mark.parametrize(
    ("text", "stored"),
    [("a\x00b", "a\ufffdb"), ("lone \ud800 surrogate", "lone \ufffd surrogate"), ("", "")],
)
def test_what_no_database_takes_is_made_safe(process, text, stored):
    writer = LogWriter(process.pk, 1, max_lines=10)

    writer.line(0.0, "out", logging.INFO, text)
    writer.close()

    assert texts(process) == [stored]


def test_a_line_too_long_is_cut_and_says_so():
    cut = clean_text("x" * (LINE_MAX + 5))

    assert cut.startswith("x" * LINE_MAX)
    assert "5 more characters cut" in cut


def test_beyond_the_limit_only_warnings_are_kept_and_the_log_says_so(process):
    writer = LogWriter(process.pk, 1, max_lines=10)

    for number in range(30):
        writer.line(0.0, "log", logging.INFO, f"line {number}")
    writer.line(0.0, "log", logging.WARNING, "hot pixel")
    writer.close()

    kept = texts(process)
    assert kept[:10] == [f"line {number}" for number in range(10)]
    assert kept[10] == "hot pixel"
    assert "20 lines were not kept" in kept[11]
    assert writer.warnings == 1


@pytest.mark.django_db(transaction=True)
def test_lines_the_database_refused_are_kept_for_the_next_flush(process):
    writer = LogWriter(process.pk, 1, max_lines=10)
    writer.line(0.0, "log", logging.INFO, "kept")

    def refuse(execute, sql, params, many, context):
        raise DatabaseError("down")

    with connection.execute_wrapper(refuse):
        assert writer.flush() is False
    assert texts(process) == []

    assert writer.flush() is True
    assert texts(process) == ["kept"]


def test_only_new_lines_are_fetched(process):
    for number in range(5):
        say(process.pk, 1, f"line {number}")
    third = LogLine.objects.get(text="line 2")

    assert [line.text for line in lines_after(process, third.pk, 10)] == ["line 3", "line 4"]
