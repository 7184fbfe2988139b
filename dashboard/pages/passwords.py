"""How a person gets in: the login, changing the password, and choosing the first one by a link."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash, views
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse_lazy
from django.utils.translation import gettext as _

from runs.services import set_password


class LoginView(views.LoginView):
    template_name = "people/login.html"
    redirect_authenticated_user = True


class PasswordChangeView(views.PasswordChangeView):
    template_name = "people/password_change.html"
    success_url = reverse_lazy("settings")

    def form_valid(self, form: Any) -> HttpResponse:
        set_password(form.user, form.cleaned_data["new_password1"])
        update_session_auth_hash(self.request, form.user)
        messages.success(self.request, _("Your password is changed. Other browsers are logged out."))
        return HttpResponseRedirect(self.get_success_url())


class PasswordLinkView(views.PasswordResetConfirmView):
    """Whoever has the link chooses a password, once; the framework moves its key from the address to the session."""

    template_name = "people/password_set.html"
    success_url = reverse_lazy("login")

    def get_user(self, uidb64: str) -> Any:
        """None, too, for somebody who has been shut out since the link was made."""
        person = super().get_user(uidb64)
        return person if person is not None and person.is_active else None

    def form_valid(self, form: Any) -> HttpResponse:
        set_password(form.user, form.cleaned_data["new_password1"])
        self.request.session.flush()  # the key, and whoever was logged in with this browser
        messages.success(self.request, _("Your password is set. Log in with it."))
        return HttpResponseRedirect(self.get_success_url())
