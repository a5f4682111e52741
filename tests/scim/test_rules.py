"""The pure rules of the SCIM server."""

import pytest
from scim2_models import (
    ConflictException,
    InvalidFilterException,
    InvalidSyntaxException,
    InvalidValueException,
    PayloadTooLargeException,
    PreconditionFailedException,
    ScimFilter,
)

from idp.scim.bounds import MAX_DEPTH, MAX_LIST, MAX_TEXT, Json, bounded
from idp.scim.bulk import (
    MAX_OPERATIONS,
    REQUEST,
    Operation,
    in_order,
    read_batch,
    resolved,
    resolved_path,
)
from idp.scim.errors import OurWords
from idp.scim.etag import check_if_match, matches, tag
from idp.scim.filters import MAX_FILTER, By, Lookup, Nothing, Scan, bounded_filter, plan
from idp.scim.resources import Name, User
from idp.scim.staff import attributes, check_password, full_name


@pytest.mark.parametrize(
    ("header", "fits"),
    [
        ('W/"3"', True), ('"3"', True), ("*", True), ('W/"1", W/"3"', True), ('"1","3"', True),
        ('W/"4"', False), ('W/"33"', False), ('""', False), ('W/"1", W/"2"', False),
    ],
)  # fmt: skip
def test_a_condition_names_versions(header: str, fits: bool) -> None:
    assert matches(header, 3) is fits
    assert matches(tag(3), 3)


@pytest.mark.parametrize("header", ["3", "W/3", '"3', '"3" "4"', "w", '"' * 7, "x" * 2000])
def test_a_condition_that_cannot_be_read_is_never_taken_for_one_that_fits(header: str) -> None:
    with pytest.raises(InvalidValueException):
        matches(header, 3)


def test_no_condition_is_no_obstacle_and_a_wrong_one_is() -> None:
    check_if_match(None, 3)
    check_if_match(tag(3), 3)
    with pytest.raises(PreconditionFailedException):
        check_if_match(tag(2), 3)


@pytest.mark.parametrize(
    ("text", "by", "value"),
    [
        ('userName eq "ALICE"', By.USER_NAME, "alice"),
        ('username EQ "Ａlice"', By.USER_NAME, "alice"),
        ('urn:ietf:params:scim:schemas:core:2.0:User:userName eq "a"', By.USER_NAME, "a"),
        ('externalId eq "NV-1"', By.EXTERNAL_ID, "NV-1"),
        ('((id eq "x"))', By.ID, "x"),
    ],
)
def test_an_index_answers_where_there_is_one(text: str, by: By, value: str) -> None:
    assert plan(ScimFilter[User](text), User) == Lookup(by=by, value=value)


@pytest.mark.parametrize(
    "text",
    ['userName sw "a"', 'title eq "x"', 'userName eq "a" and title pr', 'not (id eq "a")', "id pr"],
)
def test_whatever_no_index_answers_is_looked_at(text: str) -> None:
    assert isinstance(plan(ScimFilter[User](text), User), Scan)


def test_a_text_that_cannot_be_a_user_name_finds_nobody() -> None:
    assert plan(ScimFilter[User]('userName eq "a\\u202eb"'), User) == Nothing()
    assert plan(ScimFilter[User](f'userName eq "{"a" * 200}"'), User) == Nothing()


def test_a_filter_is_bounded_before_it_is_parsed() -> None:
    assert bounded_filter("id pr") == "id pr"
    for text in ("x" * (MAX_FILTER + 1), "id pr and " * 20 + "id pr"):
        with pytest.raises(InvalidFilterException):
            bounded_filter(text)


def nested(depth: int) -> Json:
    value: Json = "x"
    for _ in range(depth):
        value = [value]
    return value


def test_a_payload_is_flat_short_and_in_normal_form() -> None:
    assert bounded({"a\u0301": ["e\u0301", 1, None, True]}) == {"á": ["é", 1, None, True]}
    assert bounded(nested(MAX_DEPTH)) == nested(MAX_DEPTH)
    with pytest.raises(InvalidSyntaxException):
        bounded(nested(MAX_DEPTH + 1))
    for refused in ("x" * (MAX_TEXT + 1), ["x"] * (MAX_LIST + 1), "a\r\nb", "a\x00", "\ue000"):
        with pytest.raises(OurWords):
            bounded([refused])


@pytest.mark.parametrize(
    ("user", "told"),
    [
        (User(user_name="a", name=Name(formatted="Lê Thị Hoa", family_name="X")), "Lê Thị Hoa"),
        (User(user_name="a", display_name=" Lê Thị Hoa "), "Lê Thị Hoa"),
        (
            User(user_name="a", name=Name(family_name="Lê", middle_name="Thị", given_name="Hoa")),
            "Lê Thị Hoa",
        ),
        (User(user_name="a"), "a"),
    ],
)
def test_one_full_name_in_the_order_of_the_country(user: User, told: str) -> None:
    assert full_name(user) == told


def test_what_a_register_says_is_never_verified() -> None:
    user = User.model_validate(
        {
            "userName": "a",
            "emails": [{"value": "a@vidu.vn"}, {"value": "b@vidu.vn", "primary": True}],
            "phoneNumbers": [{"value": "0905"}, {"value": "0906"}],
        }
    )
    known = attributes(user, "H55.1", 7)
    assert (known.email, known.email_verified) == ("b@vidu.vn", False)
    assert (known.phone, known.phone_verified) == ("0905", False)
    assert (known.agency_code, known.updated_at, known.personal_number) == ("H55.1", 7, None)


def test_a_pushed_password_meets_the_policy_of_every_other_one() -> None:
    check_password("mot-mat-khau-rat-dai", "can.bo")
    for refused in ("ngan", "xin-chao-can.bo-2026"):
        with pytest.raises(OurWords) as told:
            check_password(refused, "can.bo")
        assert refused not in told.value.detail


def post(bulk_id: str, data: Json = None) -> Operation:
    return Operation(method="POST", path="/Users", bulk_id=bulk_id, version=None, data=data)


def test_a_creation_comes_before_whatever_refers_to_it() -> None:
    group = post("g", {"members": [{"value": "bulkId:a"}, {"value": "bulkId:b"}]})
    patch = Operation(
        method="PATCH", path="/Groups/bulkId:g", bulk_id=None, version=None, data=None
    )
    assert in_order([patch, group, post("b"), post("a")]) == [2, 3, 1, 0]
    assert in_order([post("a"), post("b")]) == [0, 1]


def test_a_circle_ends_and_is_refused() -> None:
    circle = [post("a", ["bulkId:b"]), post("b", ["bulkId:a"])]
    assert sorted(in_order(circle)) == [0, 1]
    with pytest.raises(ConflictException):
        resolved(circle[in_order(circle)[0]].data, {})


def test_references_are_replaced_where_they_stand_alone() -> None:
    assert resolved({"x": ["bulkId:a", "see bulkId:a"]}, {"a": "1"}) == {"x": ["1", "see bulkId:a"]}
    assert resolved_path("/Users/bulkId:a", {"a": "1"}) == "/Users/1"
    assert resolved_path("/Users", {}) == "/Users"


def batch(operations: Json, **more: Json) -> Json:
    return {"schemas": [REQUEST], "Operations": operations, **more}


@pytest.mark.parametrize(
    "payload",
    [
        None, [], "x", {}, batch(None), batch([]), batch({}), batch([1]), batch([{}]),
        batch([{"method": "GET", "path": "/Users"}]), batch([{"method": "POST", "path": "/Users"}]),
        batch([{"method": "DELETE", "path": 1}]), batch([{"method": 1}]),
        batch([{"method": "DELETE", "path": "/Users/1"}], failOnErrors=0),
        batch([{"method": "DELETE", "path": "/Users/1"}], failOnErrors=True),
        batch([{"method": "DELETE", "path": "/Users/1"}], failOnErrors="1"),
        {"schemas": ["x"], "Operations": [{"method": "DELETE", "path": "/Users/1"}]},
    ],
)  # fmt: skip
def test_a_bulk_request_that_is_none_is_refused_whole(payload: Json) -> None:
    with pytest.raises((InvalidSyntaxException, InvalidValueException)):
        read_batch(payload)


def test_a_bulk_request_has_a_limit() -> None:
    one: Json = {"method": "delete", "PATH": "/Users/1"}
    assert len(read_batch(batch([one] * MAX_OPERATIONS)).operations) == MAX_OPERATIONS
    with pytest.raises(PayloadTooLargeException):
        read_batch(batch([one] * (MAX_OPERATIONS + 1)))
