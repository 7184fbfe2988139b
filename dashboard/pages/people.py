"""One's own account: logging in, and changing the password."""

from __future__ import annotations

from django.contrib.auth import views
from django.contrib.messages.views import SuccessMessageMixin
from django.urls import reverse_lazy


class LoginView(views.LoginView):
    template_name = "people/login.html"
    redirect_authenticated_user = True


class PasswordChangeView(SuccessMessageMixin, views.PasswordChangeView):
    template_name = "people/password_change.html"
    success_url = reverse_lazy("attention")
    success_message = "Your password is changed."
