"""The admin's page "Send an announcement": a form, and a step to confirm it."""

import uuid
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import widgets
from django.contrib.admin.helpers import AdminForm
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from notifications.exceptions import InvalidPayload, InvalidTopic
from notifications.inbox.announcements import (
    ANNOUNCEMENT,
    TEXT_LENGTH,
    TITLE_LENGTH,
    announce,
    is_address,
    reach,
)
from notifications.models import Event
from notifications.protocol.topics import EVERYONE, parse
from notifications.publishing.followables import Followable, labels_of, object_of

PERMISSION = "notifications.send_announcement"
EVERYBODY, FOLLOWERS = "everybody", "followers"
SHOWN_FIELDS = ["title", "text", "url", "to", "topic"]


class LinesField(forms.CharField):
    """A text of several lines, whose ends count as one character each."""

    widget = widgets.AdminTextareaWidget

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")


class AnnouncementForm(forms.Form):
    """What an announcement says, and to whom."""

    title = forms.CharField(
        label=gettext_lazy("Title"),
        max_length=TITLE_LENGTH,
        widget=widgets.AdminTextInputWidget,
    )
    text = LinesField(
        label=gettext_lazy("Text"), max_length=TEXT_LENGTH, required=False
    )
    url = forms.CharField(
        label=gettext_lazy("Link"),
        required=False,
        widget=widgets.AdminTextInputWidget,
        help_text=gettext_lazy("Where to read more: https://…, or /… on this site."),
    )
    to = forms.ChoiceField(
        label=gettext_lazy("To"),
        choices=[
            (EVERYBODY, gettext_lazy("everybody who has an account")),
            (FOLLOWERS, gettext_lazy("those who follow a topic")),
        ],
        initial=EVERYBODY,
        widget=widgets.AdminRadioSelect(attrs={"class": "radiolist"}),
    )
    topic = forms.CharField(
        label=gettext_lazy("Topic"),
        required=False,
        widget=widgets.AdminTextInputWidget,
        help_text=gettext_lazy("If only its followers are to be told, as in user:7."),
    )
    # Of one confirmation, which sends once however often its button is pressed.
    token = forms.UUIDField(required=False)

    def clean_url(self) -> str:
        """Refuse what is no address."""
        url: str = self.cleaned_data["url"]
        if not is_address(url):
            raise ValidationError(_("Write an address that starts with https:// or /"))
        return url

    def clean_topic(self) -> str:
        """Return the topic to address; refuse what is none, or stands for nothing."""
        topic: str = self.cleaned_data["topic"]
        if self.cleaned_data.get("to") != FOLLOWERS:
            return EVERYONE
        if not topic:
            raise ValidationError(_("Name the topic whose followers are to be told."))
        try:
            kind = parse(topic).kind
        except InvalidTopic:
            text = _("“%(topic)s” is no topic: write <kind>:<key>, as in user:7.")
            raise ValidationError(text, params={"topic": topic}) from None
        known = Followable.registry.get(kind)
        if known and object_of(topic) is None:
            noun = known.model._meta.verbose_name
            text = _("“%(topic)s” stands for nothing: there is no such %(noun)s.")
            raise ValidationError(text, params={"topic": topic, "noun": noun})
        return topic

    def clean(self) -> dict[str, Any]:
        """Refuse what is too much in all for a payload."""
        said = {name: self.cleaned_data.get(name) for name in ("title", "text", "url")}
        if None not in said.values():
            try:
                ANNOUNCEMENT.validate(said)
            except InvalidPayload as error:
                raise ValidationError(error.problem) from None
        return self.cleaned_data

    def send(self) -> Event:
        """Send what the form says; it is valid. The sender hears of it, too."""
        said = self.cleaned_data
        return announce(
            said["title"],
            said["text"],
            said["url"],
            said["topic"],
            source=self.source,
        )

    @property
    def source(self) -> str:
        """What the event comes from: this confirmation."""
        return f"{ANNOUNCEMENT.name}:admin:{self.cleaned_data['token']}"


class AnnouncementAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The events of the admin, with a page that sends an announcement."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.announce_view)
        name = "notifications_event_announce"
        return [path("announce/", view, name=name), *super().get_urls()]

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def announce_view(self, request: HttpRequest) -> HttpResponse:
        """Show the form, then what it says and whom it reaches, then send it."""
        user: Any = request.user
        if not user.has_perm(PERMISSION):
            raise PermissionDenied
        if request.method != "POST":
            return self._form(request, AnnouncementForm(initial=_initial(request)))
        form = AnnouncementForm(request.POST)
        if "back" in request.POST or not form.is_valid():
            return self._form(request, form)
        if "send" in request.POST and form.cleaned_data["token"]:
            return self._send(request, form)
        return self._confirmation(request, form)

    def _form(self, request: HttpRequest, form: AnnouncementForm) -> HttpResponse:
        fieldsets = [(None, {"fields": SHOWN_FIELDS})]
        # It takes any form, whatever its stubs say.
        fields = AdminForm(form, fieldsets, {}, (), self)  # type: ignore[arg-type]
        context = {"form": form, "adminform": fields, "media": self.media + form.media}
        return self._page(request, "announce.html", context)

    def _confirmation(
        self, request: HttpRequest, form: AnnouncementForm
    ) -> HttpResponse:
        topic = form.cleaned_data["topic"]
        context = {
            "fields": [form[name] for name in SHOWN_FIELDS],
            "token": uuid.uuid4(),
            "said": form.cleaned_data,
            "everybody": topic == EVERYONE,
            "label": labels_of([topic]).get(topic, ""),
            "reach": reach(topic),
        }
        return self._page(request, "announce_confirm.html", context)

    def _send(self, request: HttpRequest, form: AnnouncementForm) -> HttpResponse:
        people = reach(form.cleaned_data["topic"])
        with transaction.atomic():
            _wait_for_others(request.user)
            event = Event.objects.filter(source=form.source).first()
            if event is not None:
                messages.info(request, _("The announcement was sent already."))
                return self._leave(request, event)
            event = form.send()
            text = ngettext("Sent to %d person.", "Sent to %d people.", people)
            self.log_addition(request, event, text % people)
        messages.success(
            request,
            ngettext(
                "The announcement was sent to %d person.",
                "The announcement was sent to %d people.",
                people,
            )
            % people,
        )
        return self._leave(request, event)

    def _leave(self, request: HttpRequest, event: Event) -> HttpResponse:
        """Lead to the event, if one may look at it."""
        if self.has_view_permission(request, event):
            return redirect(
                f"{self.admin_site.name}:notifications_event_change", event.pk
            )
        return redirect(f"{self.admin_site.name}:index")

    def _page(
        self, request: HttpRequest, template: str, context: dict[str, Any]
    ) -> HttpResponse:
        request.current_app = self.admin_site.name
        common = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Send an announcement"),
            "has_view_permission": self.has_view_permission(request),
        }
        return TemplateResponse(
            request, f"admin/notifications/event/{template}", common | context
        )


def _initial(request: HttpRequest) -> dict[str, str]:
    """Return what a link to the form fills in: a topic."""
    topic = request.GET.get("topic", "")
    return {"topic": topic, "to": FOLLOWERS} if topic else {}


def _wait_for_others(user: Any) -> None:
    """Let what a person sends at once, by two clicks, take turns."""
    people = get_user_model()._default_manager
    list(people.select_for_update().filter(pk=user.pk).values_list("pk"))
