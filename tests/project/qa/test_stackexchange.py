import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from project.qa.models import Question, Topic
from project.qa.stackexchange import (
    MAX_TAG_CHARS,
    MAX_TITLE_CHARS,
    AnswerRow,
    BrokenRow,
    NotADump,
    OtherRow,
    QuestionRow,
    is_site_name,
    read_rows,
    site_name_of,
    tag_name,
    tag_slug,
)
from project.qa.text import name_to_slug
from tests.stackexchange_data import HEAD, TAIL, answer, question, row, write_posts


def read(*rows):
    return list(read_rows(io.BytesIO((HEAD + "".join(rows) + TAIL).encode())))


def problem(post):
    [broken] = read(post)
    assert isinstance(broken, BrokenRow)
    return str(broken)


def error_of(content):
    with pytest.raises(NotADump) as caught:
        list(read_rows(io.BytesIO(content)))
    return caught.value.reason


def test_question_is_parsed():
    [found] = read(question(Id=7, OwnerUserId=4))

    assert found == QuestionRow(
        id=7,
        created=datetime(2015, 1, 27, 20, 9, 32, 720_000, tzinfo=UTC),
        body="<p>How cold?</p>",
        owner=4,
        title="How should I store beans?",
        tags=("storage", "whole-bean"),
    )


def test_answer_has_the_id_of_its_question():
    [found] = read(answer(Id=9, ParentId=7))

    assert isinstance(found, AnswerRow)
    assert (found.id, found.question) == (9, 7)


@pytest.mark.parametrize("tags", ["<c++><.net>", "|c++|.net|", "<C++><.NET><c++>"])
def test_tags_are_parsed_in_the_old_and_the_new_format(tags):
    [found] = read(question(Tags=tags))

    assert found.tags == ("c++", ".net")


def test_question_without_tags_has_none():
    [found] = read(question(Tags=None))

    assert found.tags == ()


def test_post_of_a_deleted_account_has_no_owner():
    [found] = read(question(OwnerUserId=None, OwnerDisplayName="someone"))

    assert found.owner is None


def test_date_with_a_time_zone_is_converted_to_utc():
    [found] = read(question(CreationDate="2015-01-27T20:00:00+02:00"))

    assert found.created == datetime(2015, 1, 27, 18, tzinfo=UTC)
    assert found.created.tzinfo is UTC


def test_byte_order_mark_is_skipped():
    content = (HEAD + question() + TAIL).encode("utf-8-sig")

    assert len(list(read_rows(io.BytesIO(content)))) == 1


@pytest.mark.parametrize("kind", [3, 4, 5, 6, 7, 8, 17])
def test_row_of_another_type_is_neither_post_nor_broken(kind):
    assert read(row(Id=3, PostTypeId=kind, Body="")) == [OtherRow()]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"CreationDate": None}, "Post 1: it has no CreationDate"),
        ({"CreationDate": "soon"}, "Post 1: its CreationDate is 'soon'"),
        ({"CreationDate": "2015-02-30T00:00:00"}, "which is not a date"),
        ({"CreationDate": "0001-01-01T00:00:00+14:00"}, "which is not a date"),
        ({"Title": None}, "Post 1: it has no Title"),
        ({"Title": "  "}, "Post 1: it has no Title"),
        ({"Title": "x" * 201}, "its Title has 201 characters; expected at most 200"),
        ({"Body": None}, "Post 1: it has no Body"),
        ({"Body": " \n"}, "Post 1: it has no Body"),
        ({"OwnerUserId": "me"}, "its OwnerUserId is 'me', which is not a number"),
        ({"PostTypeId": None}, "Post 1: it has no PostTypeId"),
        ({"PostTypeId": "one"}, "its PostTypeId is 'one'"),
        ({"Id": None}, "Row 1: it has no Id"),
        ({"Id": "1\n2"}, r"Row 1: its Id is '1\n2', which is not a number"),
        ({"Id": "٣"}, "which is not a number"),
        ({"Id": "9" * 19}, "which is not a number"),
    ],
)
def test_broken_question_is_reported_with_the_problem(changes, expected):
    assert expected in problem(question(**changes))


def test_answer_without_a_parent_is_broken():
    assert problem(answer(ParentId=None)) == "Post 2: it has no ParentId"


def test_title_of_the_maximum_length_is_valid():
    [found] = read(question(Title="x" * MAX_TITLE_CHARS))

    assert len(found.title) == MAX_TITLE_CHARS


def test_row_without_an_id_is_reported_by_its_number():
    found = read(question(), question(Id=None))

    assert isinstance(found[0], QuestionRow)
    assert found[1].name == "Row 2"


def test_long_value_is_shortened_in_the_problem():
    assert len(problem(question(CreationDate="x" * 5000))) < 120


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "broken or cut off"),
        (b"hello", "broken or cut off"),
        (b"PK\x03\x04\x00\x00", "broken or cut off"),
        (b"<users></users>", "it starts with <users>, not with <posts>"),
        (HEAD.encode() + question().encode(), "broken or cut off"),
        (b"<posts><row Body='\xff\xfe'/></posts>", "broken or cut off"),
        (b"<?xml version='1.0' encoding='klingon'?><posts/>", "unknown encoding"),
        (b"<?xml version='1.0' encoding='shift_jis'?><posts/>", "encoding"),
        (b"<!DOCTYPE posts><posts/>", "DTD or entities, which are not allowed"),
        (
            b"<!DOCTYPE p [<!ENTITY a 'aa'><!ENTITY b '&a;&a;'>]><posts>&b;</posts>",
            "DTD or entities, which are not allowed",
        ),
        (
            b"<!DOCTYPE p [<!ENTITY a SYSTEM 'file:///etc/hostname'>]><posts>&a;</posts>",
            "DTD or entities, which are not allowed",
        ),
    ],
)
def test_file_that_is_not_a_dump_is_rejected(content, expected):
    assert expected in error_of(content)


def test_rows_of_a_truncated_file_are_yielded_before_the_error():
    rows = read_rows(io.BytesIO((HEAD + question() * 200 + "<row Id=").encode()))

    assert isinstance(next(rows), QuestionRow)
    with pytest.raises(NotADump):
        list(rows)


def test_rows_are_yielded_while_the_file_is_read(tmp_path):
    path = write_posts(tmp_path / "Posts.xml", questions=200, answers=300)

    with path.open("rb") as file:
        next(read_rows(file))

        assert file.tell() < path.stat().st_size / 2


@pytest.mark.parametrize(
    ("path", "site"),
    [
        ("/data/coffee.stackexchange.com-Posts.xml", "coffee"),
        ("/data/coffee.stackexchange.com/Posts.xml", "coffee"),
        ("/data/stackoverflow.com-Posts.xml", "stackoverflow"),
        ("/data/coffee.meta.stackexchange.com-Posts.xml", "coffee.meta"),
        ("/data/My Coffee/Posts.xml", "my-coffee"),
        ("/data/tea/dump.xml", "tea"),
        ("/dump.xml", ""),
    ],
)
def test_site_name_is_taken_from_file_or_folder(path, site):
    assert site_name_of(Path(path)) == site


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a:b", "-a", "Coffee", "x" * 61])
def test_invalid_site_names(name):
    assert not is_site_name(name)


@pytest.mark.parametrize("name", ["coffee", "coffee.meta", "x" * 60, "7"])
def test_valid_site_names(name):
    assert is_site_name(name)


@pytest.mark.parametrize(
    ("tag", "slug"),
    [
        ("whole-bean", "whole-bean"),
        ("c", "c"),
        ("c++", "c-plus-plus"),
        ("c#", "c-sharp"),
        ("net", "net"),
        (".net", "dot-net"),
        ("node.js", "node-dot-js"),
    ],
)
def test_slug_has_the_signs_of_a_tag_as_words(tag, slug):
    assert tag_slug(tag) == slug


@pytest.mark.parametrize("tag", ["c++", "c#", "espresso", "whole-bean"])
def test_tag_has_the_same_slug_as_the_topic_of_a_form(tag):
    assert tag_slug(tag) == name_to_slug(tag_name(tag), chars=MAX_TAG_CHARS)


def test_tags_without_a_readable_slug_have_different_slugs():
    tags = ["кофе", "чай", "+", "++", "x" * 61, "x" * 62, "a_b", "-"]

    slugs = {tag_slug(tag) for tag in tags}

    assert len(slugs) == len(tags)
    for slug in slugs:
        Topic._meta.get_field("slug").run_validators(slug)


def test_tag_becomes_a_readable_name():
    assert tag_name("whole-bean") == "whole bean"
    assert tag_name("c++") == "c++"
    assert tag_name(".net") == ".net"
    assert len(tag_name("-" * 90)) <= MAX_TAG_CHARS


def test_limits_match_the_models():
    assert Question._meta.get_field("title").max_length == MAX_TITLE_CHARS
    assert Topic._meta.get_field("slug").max_length == MAX_TAG_CHARS
    assert Topic._meta.get_field("name").max_length == MAX_TAG_CHARS


def test_generated_dump_is_reproducible(tmp_path):
    first = write_posts(tmp_path / "1", questions=20, answers=30, seed=1).read_bytes()
    again = write_posts(tmp_path / "2", questions=20, answers=30, seed=1).read_bytes()
    other = write_posts(tmp_path / "3", questions=20, answers=30, seed=2).read_bytes()

    assert first == again
    assert first != other


def test_generated_dump_has_the_requested_number_of_posts(tmp_path):
    path = write_posts(tmp_path / "Posts.xml", questions=20, answers=300)

    with path.open("rb") as file:
        rows = list(read_rows(file))

    kinds = [type(each) for each in rows]
    assert kinds.count(QuestionRow) == 20
    assert kinds.count(AnswerRow) == 300
    assert BrokenRow not in kinds


def test_generated_answers_come_after_their_questions(tmp_path):
    path = write_posts(tmp_path / "Posts.xml", questions=20, answers=30)
    asked = set()

    with path.open("rb") as file:
        for each in read_rows(file):
            if isinstance(each, QuestionRow):
                asked.add(each.id)
            elif isinstance(each, AnswerRow):
                assert each.question in asked
