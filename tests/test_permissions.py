from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, User
from guardian.shortcuts import assign_perm

from tests.sample_pipelines import Copy
from tom_pipeline_core import permissions
from tom_pipeline_core.models import InputFile

pytestmark = pytest.mark.django_db


@pytest.fixture
def process(make_target, make_product):
    """A process on a private target."""
    target = make_target("Secret", permissions="PRIVATE")
    process = Copy.objects.create(target=target)
    InputFile.objects.create(process=process, product=make_product(target))
    return process


def test_a_private_target_hides_its_processes(process, user):
    assert not permissions.visible_targets(user).exists()
    assert not permissions.visible_data_products(user).exists()
    assert not permissions.visible_processes(user).exists()


def test_a_permission_on_the_target_shows_them(process, user):
    assign_perm("tom_targets.view_target", user, process.target)

    assert permissions.visible_processes(user).get() == process


def test_a_superuser_sees_everything(process, superuser):
    assert permissions.visible_processes(superuser).get() == process


def test_anonymous_visitors_see_open_targets_only(make_target):
    for name, kind in (("A", "OPEN"), ("B", "PUBLIC"), ("C", "PRIVATE")):
        Copy.objects.create(target=make_target(name, permissions=kind))

    seen = permissions.visible_processes(AnonymousUser())

    assert [process.target.name for process in seen] == ["A"]


def test_an_input_that_is_hidden_hides_the_process(make_target, make_product, user, settings):
    settings.TARGET_PERMISSIONS_ONLY = False
    target = make_target(permissions="PUBLIC")
    shown, hidden = make_product(target), make_product(target)
    assign_perm("tom_dataproducts.view_dataproduct", user, shown)
    process = Copy.objects.create(target=target)
    InputFile.objects.create(process=process, product=shown)
    assert permissions.visible_processes(user).get() == process

    InputFile.objects.create(process=process, product=hidden)

    assert not permissions.visible_processes(user).exists()
    assert list(permissions.visible_data_products(user)) == [shown]


def test_anonymous_and_inactive_people_may_not_submit(user):
    assert permissions.may_submit(user)
    assert not permissions.may_submit(AnonymousUser())
    assert not permissions.may_submit(User(is_active=False))


def test_a_process_is_managed_by_who_submitted_it_and_by_staff(process, user):
    stranger = User.objects.create_user("stranger")
    staff = User.objects.create_user("staff", is_staff=True)
    process.user = user

    assert permissions.may_manage(user, process)
    assert permissions.may_manage(staff, process)
    assert not permissions.may_manage(stranger, process)


@pytest.mark.parametrize("targets_only", [True, False])
@pytest.mark.parametrize("who", ["user", "superuser", "anonymous"])
def test_what_is_openly_visible_is_visible(request, make_target, settings, targets_only, who):
    settings.TARGET_PERMISSIONS_ONLY = targets_only
    for name, kind in (("A", "OPEN"), ("B", "PUBLIC"), ("C", "PRIVATE")):
        Copy.objects.create(target=make_target(name, permissions=kind))
    person = AnonymousUser() if who == "anonymous" else request.getfixturevalue(who)

    openly = set(permissions.openly_visible_processes(person))

    assert openly <= set(permissions.visible_processes(person))
    names = {process.target.name for process in openly}
    assert names == ({"A", "B"} if targets_only and who != "anonymous" else set())
