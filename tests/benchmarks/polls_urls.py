"""The product's addresses, and the least that its server and middleware can answer."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from dashboard import urls as product

BARE = "benchmark/bare/"


def bare(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


urlpatterns = [path(BARE, bare), *product.urlpatterns]
handler400, handler403 = product.handler400, product.handler403
handler404, handler500 = product.handler404, product.handler500
