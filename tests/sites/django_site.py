"""A small Django application in one file; it knows nothing of gateways."""

from __future__ import annotations

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.urls import path, reverse

settings.configure(
    ALLOWED_HOSTS=["museum.test"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="for tests only",
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware"],
    USE_TZ=True,
    LOGGING_CONFIG=None,
)
django.setup(set_prefix=False)


def home(request: HttpRequest) -> HttpResponse:
    request.session["visits"] = request.session.get("visits", 0) + 1
    where = reverse("greet", args=["Ada Lovelace"])
    return HttpResponse(f"<h1>Hello</h1><p>visit {request.session['visits']}, see {where}</p>")


def greet(request: HttpRequest, name: str) -> HttpResponse:
    return JsonResponse({"name": name, "query": dict(request.GET.lists()), "agent": request.headers.get("User-Agent")})


def form(request: HttpRequest) -> HttpResponse:
    response = HttpResponseRedirect(reverse("greet", args=[request.POST["name"]]))
    response.status_code = 303
    return response


def upload(request: HttpRequest) -> HttpResponse:
    return JsonResponse({name: len(file.read()) for name, file in request.FILES.items()})


def raw(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.body)


def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse((f"{request.path} {number}\n" for number in range(5)), content_type="text/plain")


def teapot(request: HttpRequest) -> HttpResponse:
    return HttpResponse("short and stout", status=418, headers={"X-Handle": "here"})


def fault(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("on purpose")


urlpatterns = [
    path("", home),
    path("greet/<name>", greet, name="greet"),
    path("form", form),
    path("upload", upload),
    path("raw", raw),
    path("stream", stream),
    path("teapot", teapot),
    path("fault", fault),
]
app = WSGIHandler()
