"""The admin's page "Send an announcement": a form, then a confirmation."""

import uuid
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import widgets
from django.contrib.admin.helpers import AdminForm
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from notifications import databases
from notifications.exceptions import InvalidPayload, InvalidTopic
from notifications.inbox.announcements import (
    ANNOUNCEMENT,
    TEXT_LENGTH,
    TITLE_LENGTH,
    announce,
    count_recipients,
    is_valid_url,
)
from notifications.models import Event
from notifications.protocol.topics import EVERYONE, parse
from notifications.publishing.followables import Followable, labels_of, object_of

PERMISSION = "notifications.send_announcement"
TO_EVERYONE, TO_FOLLOWERS = "everyone", "followers"
SHOWN_FIELDS = ["title", "text", "url", "to", "topic"]


class LinesField(forms.CharField):
    """A text of several lines; a line break counts as one character."""

    widget = widgets.AdminTextareaWidget

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")


class AnnouncementForm(forms.Form):
    """The content of an announcement, and its recipients."""

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
        help_text=gettext_lazy(
            "A link to more information: https://…, or /… on this site."
        ),
    )
    to = forms.ChoiceField(
        label=gettext_lazy("To"),
        choices=[
            (TO_EVERYONE, gettext_lazy("everyone with an account")),
            (TO_FOLLOWERS, gettext_lazy("people who follow a topic")),
        ],
        initial=TO_EVERYONE,
        widget=widgets.AdminRadioSelect(attrs={"class": "radiolist"}),
    )
    topic = forms.CharField(
        label=gettext_lazy("Topic"),
        required=False,
        widget=widgets.AdminTextInputWidget,
        help_text=gettext_lazy(
            "The topic whose followers will be notified, for example user:7."
        ),
    )
    # Identifies a confirmation, so that two clicks on its button send once.
    token = forms.UUIDField(required=False)

    def clean_url(self) -> str:
        """Return the link; raise ValidationError if it is invalid."""
        url: str = self.cleaned_data["url"]
        if not is_valid_url(url):
            raise ValidationError(_("Enter a link that starts with https:// or /."))
        return url

    def clean_topic(self) -> str:
        """Return the topic; raise ValidationError if it is invalid or unknown."""
        topic: str = self.cleaned_data["topic"]
        if self.cleaned_data.get("to") != TO_FOLLOWERS:
            return EVERYONE
        if not topic:
            raise ValidationError(
                _("Enter the topic whose followers will be notified.")
            )
        try:
            kind = parse(topic).kind
        except InvalidTopic:
            text = _(
                "“%(topic)s” is not a topic. Write <kind>:<key>, for example user:7."
            )
            raise ValidationError(text, params={"topic": topic}) from None
        known = Followable.registry.get(kind)
        if known and object_of(topic) is None:
            noun = known.model._meta.verbose_name
            text = _("“%(topic)s” does not exist: there is no such %(noun)s.")
            raise ValidationError(text, params={"topic": topic, "noun": noun})
        return topic

    def clean(self) -> dict[str, Any]:
        """Raise ValidationError if the fields together exceed the size of a payload."""
        names = ("title", "text", "url")
        payload = {name: self.cleaned_data.get(name) for name in names}
        if None not in payload.values():
            try:
                ANNOUNCEMENT.validate(payload)
            except InvalidPayload as error:
                raise ValidationError(error.problem) from None
        return self.cleaned_data

    def send(self) -> Event:
        """Send the announcement of a valid form; the sender is notified as well."""
        data = self.cleaned_data
        return announce(
            data["title"],
            data["text"],
            data["url"],
            data["topic"],
            source=self.source,
        )

    @property
    def source(self) -> str:
        """The source of the event: this confirmation."""
        return f"{ANNOUNCEMENT.name}:admin:{self.cleaned_data['token']}"


class AnnouncementAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Adds a page that sends an announcement to the admin of events."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.announce_view)
        name = "notifications_event_announce"
        return [path("announce/", view, name=name), *super().get_urls()]

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def announce_view(self, request: HttpRequest) -> HttpResponse:
        """Show the form, then the confirmation, then send the announcement."""
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
        # It accepts any form, but its stubs ask for a ModelForm.
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
            "data": form.cleaned_data,
            "everyone": topic == EVERYONE,
            "label": labels_of([topic]).get(topic, ""),
            "recipients": count_recipients(topic),
        }
        return self._page(request, "announce_confirm.html", context)

    def _send(self, request: HttpRequest, form: AnnouncementForm) -> HttpResponse:
        people = count_recipients(form.cleaned_data["topic"])
        with databases.atomic():
            _lock(request.user)
            event = Event.objects.filter(source=form.source).first()
            if event is not None:
                messages.info(request, _("The announcement was already sent."))
                return self._redirect(request, event)
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
        return self._redirect(request, event)

    def _redirect(self, request: HttpRequest, event: Event) -> HttpResponse:
        """Redirect to the event if the user may view it, or else to the index."""
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
    """Return the initial data that a link to the form gives: a topic."""
    topic = request.GET.get("topic", "")
    return {"topic": topic, "to": TO_FOLLOWERS} if topic else {}


def _lock(user: Any) -> None:
    """Let requests of the same person wait for each other, such as two clicks."""
    people = get_user_model()._default_manager
    list(people.select_for_update().filter(pk=user.pk).values_list("pk"))
