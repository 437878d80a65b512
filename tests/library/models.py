"""Books, and what they are linked to in every way that Django has."""

from django.db import models


class Named(models.Model):
    """The base of what has a name."""

    name = models.CharField(max_length=60)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class Genre(Named):
    pass


class Book(models.Model):
    title = models.CharField(max_length=60)
    published = models.BooleanField(default=True)
    genres = models.ManyToManyField(Genre, related_name="books")
    sequels = models.ManyToManyField("self", symmetrical=False, related_name="prequels")

    def __str__(self) -> str:
        return self.title


class Classic(Book):
    """A book, as another class of Python."""

    class Meta:
        proxy = True


class Audiobook(Book):
    """A book with a further row, in a table of its own."""

    minutes = models.IntegerField(default=0)


class Shelf(Named):
    """Has books by a relation that is declared here, on the other side."""

    books = models.ManyToManyField(Book, related_name="shelves")


class Club(Named):
    """Has books by rows that are a model of their own."""

    books = models.ManyToManyField(Book, through="Reading", related_name="clubs")


class Reading(models.Model):
    """A book that a club reads."""

    club = models.ForeignKey(Club, on_delete=models.CASCADE)
    book = models.ForeignKey(Book, on_delete=models.CASCADE)

    def __str__(self) -> str:
        return f"{self.club} reads {self.book}"
