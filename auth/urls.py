"""The paths below /auth/."""

from django.urls import path

from auth import views

urlpatterns = [
    path("token/", views.token),
    path("token/refresh/", views.token_refresh),
    path("token/verify/", views.token_verify),
    path("socket-ticket/", views.socket_ticket),
]
