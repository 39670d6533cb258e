"""The page of one process."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from tom_targets.base_models import BaseTarget

from tom_pipeline_core.models import PipelineProcess

pytestmark = pytest.mark.django_db


def test_the_list_and_the_page_show_a_process(
    client: Client, user: User, target: BaseTarget
) -> None:
    process = PipelineProcess.objects.create(target=target, user=user, pipeline_name="Aperture")
    process.log("reading <b>a.fits</b>")
    client.force_login(user)

    for address in (reverse("tom_pipeline_core:process-list"), process.get_absolute_url()):
        response = client.get(address)
        assert response.status_code == 200
        assert "Aperture" in response.content.decode()
        assert "Queued" in response.content.decode()
    assert "reading &lt;b&gt;a.fits&lt;/b&gt;" in response.content.decode()
    poll = client.get(reverse("tom_pipeline_core:process-poll", args=[process.pk]))
    assert "reading &lt;b&gt;a.fits&lt;/b&gt;" in poll.content.decode()


def test_a_process_of_a_target_that_is_hidden_does_not_exist(
    client: Client, user: User, make_target
) -> None:
    target = make_target(permissions="PRIVATE")
    process = PipelineProcess.objects.create(target=target, pipeline_name="Aperture")
    client.force_login(user)

    assert client.get(process.get_absolute_url()).status_code == 404
