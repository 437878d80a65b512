"""The users in the admin."""

from django.contrib import admin

from tests.custom_user.models import Member


@admin.register(Member)
class MemberAdmin(admin.ModelAdmin):
    """Members, with the search that the site's admin needs to find authors."""

    search_fields = ["email", "name"]
    exclude = ["password"]
