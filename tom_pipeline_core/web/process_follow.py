"""Ask for e-mail about a process, or about one's own processes."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from tom_pipeline_core.models import NotificationPreference
from tom_pipeline_core.web import lookup


@require_POST
def process_follow(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep what the form of the e-mail panel says."""
    process = lookup.process_or_404(request, pk)
    user = request.user
    if not user.is_authenticated:
        raise Http404("There is no such process.")
    if request.POST.get("follow"):
        process.followers.get_or_create(user=user)
    else:
        process.followers.filter(user=user).delete()
    when = request.POST.get("when")
    if when in NotificationPreference.When.values:
        NotificationPreference.objects.update_or_create(user=user, defaults={"when": when})
    return redirect(process)
