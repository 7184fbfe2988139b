"""Every address of Syncdeck. The API is at the root, as its clients expect, and therefore comes last."""

from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import path

from dashboard.health import healthz, readyz
from dashboard.pages import (
    accounts,
    actions,
    attention,
    daemons,
    frame,
    integrations,
    job_changes,
    job_files,
    jobs,
    people,
    records,
    run,
    runs,
    schedules,
    webhook_changes,
    webhooks,
)
from runs.api import api

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("login/", people.LoginView.as_view(), name="login"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("password/", people.PasswordChangeView.as_view(), name="password_change"),
    path("theme/", frame.theme, name="theme"),
    path("", attention.attention, name="attention"),
    path("attention/count/", attention.attention_count, name="attention_count"),
    path("runs/", runs.run_list, name="run_list"),
    path("runs/counts/", runs.run_counts, name="run_counts"),
    path("runs/live/", runs.run_live, name="run_live"),
    path("runs/<uuid:run_id>/", run.run_detail, name="run_detail"),
    path("runs/<uuid:run_id>/live/", run.run_parts, name="run_parts"),
    path("runs/<uuid:run_id>/events/", run.run_events, name="run_events"),
    path("runs/<uuid:run_id>/errors/", run.run_errors, name="run_errors"),
    path("runs/<uuid:run_id>/stop/", actions.run_stop, name="run_stop"),
    path("runs/<uuid:run_id>/rerun/", actions.run_rerun, name="run_rerun"),
    path("jobs/", jobs.job_list, name="job_list"),
    path("jobs/new/", job_changes.job_new, name="job_new"),
    path("jobs/import/", job_files.job_import, name="job_import"),
    path("jobs/check/", job_changes.job_check, name="job_check"),
    path("jobs/<uuid:job_id>/", jobs.job_detail, name="job_detail"),
    path("jobs/<uuid:job_id>/live/", jobs.job_live, name="job_live"),
    path("jobs/<uuid:job_id>/definition.yaml", job_files.job_definition, name="job_definition"),
    path("jobs/<uuid:job_id>/edit/", job_changes.job_edit, name="job_edit"),
    path("jobs/<uuid:job_id>/delete/", job_changes.job_delete, name="job_delete"),
    path("jobs/<uuid:job_id>/run/", jobs.run_start, name="run_start"),
    path("jobs/<uuid:job_id>/schedule/", schedules.schedule_job, name="schedule_job"),
    path("schedules/", schedules.schedule_list, name="schedule_list"),
    path("schedules/new/", schedules.schedule_new, name="schedule_new"),
    path("schedules/<uuid:trigger_id>/edit/", schedules.schedule_edit, name="schedule_edit"),
    path("schedules/<uuid:trigger_id>/delete/", schedules.schedule_delete, name="schedule_delete"),
    path("schedules/<uuid:trigger_id>/arm/", schedules.schedule_arm, name="schedule_arm"),
    path("schedules/<uuid:trigger_id>/disarm/", schedules.schedule_disarm, name="schedule_disarm"),
    path("schedules/<uuid:trigger_id>/run/", schedules.schedule_run, name="schedule_run"),
    path("integrations/", integrations.integration_list, name="integration_list"),
    path("integrations/catalog/<slug:name>/", integrations.catalog_page, name="catalog_entry"),
    path("accounts/", accounts.account_list, name="account_list"),
    path("records/", records.record_list, name="record_list"),
    path("webhooks/", webhooks.webhook_list, name="webhook_list"),
    path("webhooks/new/", webhook_changes.webhook_new, name="webhook_new"),
    path("webhooks/<uuid:webhook_id>/edit/", webhook_changes.webhook_edit, name="webhook_edit"),
    path("webhooks/<uuid:webhook_id>/activate/", webhook_changes.webhook_activate, name="webhook_activate"),
    path("webhooks/<uuid:webhook_id>/deactivate/", webhook_changes.webhook_deactivate, name="webhook_deactivate"),
    path("webhooks/<uuid:webhook_id>/delete/", webhook_changes.webhook_delete, name="webhook_delete"),
    path("webhooks/<uuid:webhook_id>/", webhooks.webhook_detail, name="webhook_detail"),
    path("webhooks/<uuid:webhook_id>/test/", webhooks.webhook_test, name="webhook_test"),
    path("webhooks/<uuid:webhook_id>/<uuid:delivery_id>/", webhooks.delivery_detail, name="delivery_detail"),
    path("webhooks/<uuid:webhook_id>/<uuid:delivery_id>/resend/", webhooks.delivery_resend, name="delivery_resend"),
    path("daemons/", daemons.daemon_list, name="daemon_list"),
    path("admin/", admin.site.urls),
    path("", api.urls),
]

handler400 = "dashboard.problems.bad_request"
handler403 = "dashboard.problems.forbidden"
handler404 = "dashboard.problems.not_found"
