"""The user model; it shares no field with Django's own but what Django asks of all."""

import uuid

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils import timezone

DOMAIN = "example.org"


class MemberManager(BaseUserManager):
    """Makes members, also by the name alone that the tests call them by."""

    def create_user(self, email, password=None, **fields):
        """Create a member with an address at DOMAIN, if only a name is given."""
        name = email.partition("@")[0]
        member = self.model(email=address(email), name=name, **fields)
        member.set_password(password)
        member.save(using=self._db)
        return member

    def create_superuser(self, email, password=None, **fields):
        """Create a member who may do everything."""
        fields = {"is_staff": True, "is_superuser": True, **fields}
        return self.create_user(email, password, **fields)

    def get_by_natural_key(self, username):
        return self.get(email=address(username))


def address(text):
    """Return an e-mail address, for one or for a name."""
    return text if "@" in text else f"{text}@{DOMAIN}"


class Member(AbstractBaseUser, PermissionsMixin):
    """A member of a site."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=100, blank=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    objects = MemberManager()

    def __str__(self):
        return self.email

    def get_short_name(self):
        """Return the name that others see."""
        return self.name
