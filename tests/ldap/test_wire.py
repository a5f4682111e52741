"""The LDAP wire: what is written is read back, and bytes from outside raise one error only."""

import random

import pytest

from connectors.errors import LdapRefused
from connectors.ldap.ber import MAX_DEPTH, whole, wrapped
from connectors.ldap.filter_codec import MAX_FILTER_DEPTH, MAX_TERMS, read_filter, written_filter
from connectors.ldap.filters import (
    IN_CHAIN,
    And,
    AtLeast,
    AtMost,
    Equals,
    Like,
    Matches,
    Not,
    Or,
    Present,
    Substrings,
    escaped,
    printed,
)
from connectors.ldap.frames import FrameReader
from connectors.ldap.messages import (
    START_TLS,
    Attribute,
    BindRequest,
    BindResponse,
    Control,
    ExtendedRequest,
    ExtendedResponse,
    Message,
    OtherOperation,
    Scope,
    SearchDone,
    SearchEntry,
    SearchReference,
    SearchRequest,
    UnbindRequest,
)
from connectors.ldap.names import below, name_of, parts_of
from connectors.ldap.paging import Page, page_of
from connectors.ldap.reading import read
from connectors.ldap.results import SUCCESS, Result, ResultCode
from connectors.ldap.writing import write

FILTER = And(
    (
        Equals("objectClass", b"person"),
        Or(
            (
                Equals("uid", "đạt".encode()),
                Substrings(attribute="cn", initial=b"a", middle=(b"b", b"c"), final=b"d"),
            )
        ),
        Not(Present("pwdAccountLockedTime")),
        Matches(attribute="memberOf", rule=IN_CHAIN, value=b"cn=g,dc=x", of_name_too=True),
        And(
            (
                AtLeast("n", b"1"),
                AtMost("n", b"9"),
                Like("sn", b"x"),
                Substrings(attribute="sn", final=b"z"),
            )
        ),
        Or(()),
    )
)
REFERRED = Result(
    code=ResultCode.REFERRAL, matched="dc=x", text="elsewhere", referrals=("ldap://evil/",)
)
MESSAGES = [
    Message(number=1, operation=BindRequest(name="cn=s,dc=x", password=b"secret")),
    Message(number=2, operation=BindResponse(result=SUCCESS)),
    Message(number=3, operation=BindResponse(result=REFERRED)),
    Message(number=4, operation=UnbindRequest()),
    Message(
        number=5,
        operation=SearchRequest(
            base="dc=x",
            scope=Scope.SUBTREE,
            filter=FILTER,
            attributes=("cn", "+"),
            size_limit=2,
            time_limit_seconds=5,
        ),
        controls=(Page(size=100).control(), Control(oid="1.2.3", value=b"v")),
    ),
    Message(
        number=6,
        operation=SearchEntry(
            name="uid=a,dc=x",
            attributes=(
                Attribute(name="cn", values=(b"A", "Đ".encode())),
                Attribute(name="none", values=()),
            ),
        ),
    ),
    Message(number=7, operation=SearchEntry(name="", attributes=())),
    Message(number=8, operation=SearchReference(addresses=("ldap://a/", "ldap://b/"))),
    Message(
        number=9,
        operation=SearchDone(result=SUCCESS),
        controls=(Page(size=0, cookie=b"\0\1").control(),),
    ),
    Message(number=10, operation=ExtendedRequest(name=START_TLS)),
    Message(number=2**31 - 1, operation=ExtendedRequest(name="1.2", value=b"")),
    Message(
        number=0,
        operation=ExtendedResponse(result=SUCCESS, name="1.3.6.1.4.1.1466.20036", value=b"v"),
    ),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: str(message.number))
def test_what_is_written_is_read_back(message):
    assert read(write(message)) == message


def test_an_unbind_request_is_a_primitive_null():
    assert write(Message(number=1, operation=UnbindRequest())) == bytes.fromhex("30050201014200")


def test_long_lengths_as_active_directory_writes_them_are_read():
    raw = bytes.fromhex("30840000001002010161840000000 70a010004000400".replace(" ", ""))
    assert read(raw) == Message(number=1, operation=BindResponse(result=SUCCESS))


def test_a_bind_by_sasl_has_no_password():
    raw = wrapped(
        0x30,
        (b"\2\1\1", wrapped(0x60, (b"\2\1\3", b"\4\0", wrapped(0xA3, (b"\4\5PLAIN", b"\4\2ab"))))),
    )
    assert read(raw).operation == BindRequest(name="", password=None)


def test_an_operation_of_others_is_known_by_its_number_alone():
    deletion = wrapped(0x30, (b"\2\1\1", b"\x4a\4dc=x"))
    assert read(deletion).operation == OtherOperation(10)


def test_a_result_code_that_nobody_knows_is_other():
    raw = wrapped(0x30, (b"\2\1\1", wrapped(0x61, (b"\x0a\2\x10\0", b"\4\0", b"\4\0"))))
    assert read(raw).operation.result.code is ResultCode.OTHER


def test_a_password_shows_in_no_repr():
    assert "secret" not in repr(MESSAGES[0])


def test_messages_come_whole_however_the_stream_is_cut():
    stream = b"".join(write(message) for message in MESSAGES)
    reader, whole_ones = FrameReader(), []
    for at in range(len(stream)):
        whole_ones += reader.feed(stream[at : at + 1])
    assert [read(frame) for frame in whole_ones] == MESSAGES
    assert reader.waiting == 0
    assert [read(frame) for frame in FrameReader().feed(stream)] == MESSAGES


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x30\x80\2\1\1",
        b"\x30\x84\x7f\xff\xff\xff",
        b"\x30\x85\0\0\0\0\1",
        b"\x31\0",
    ],
    ids=[
        "another protocol",
        "indefinite length",
        "two gigabytes",
        "length of five octets",
        "a set",
    ],
)
def test_a_stream_that_is_none_is_refused_at_its_first_bytes(raw):
    with pytest.raises(LdapRefused):
        FrameReader().feed(raw)


def _nested(depth: int) -> bytes:
    raw = b"\x30\0"
    for _ in range(depth - 1):
        raw = wrapped(0x30, (raw,))
    return raw


def test_depth_is_bounded():
    assert whole(_nested(MAX_DEPTH))
    with pytest.raises(LdapRefused):
        whole(_nested(MAX_DEPTH + 1))
    with pytest.raises(LdapRefused):
        whole(_nested(2000))


def test_the_number_of_elements_is_bounded():
    with pytest.raises(LdapRefused):
        whole(wrapped(0x30, [b"\5\0"] * 20_001))


def test_a_filter_is_bounded_in_terms_and_in_depth():
    term = Present("cn")
    assert read_filter(written_filter(And((term,) * (MAX_TERMS - 1))))
    with pytest.raises(LdapRefused):
        read_filter(written_filter(And((term,) * MAX_TERMS)))
    for _ in range(MAX_FILTER_DEPTH):
        term = Not(term)
    with pytest.raises(LdapRefused):
        read_filter(written_filter(term))


@pytest.mark.parametrize(
    "inside",
    [
        b"\x24\4\4\2ab",
        b"\2\5\0\0\0\0\1",
        b"\2\0",
        b"\1\2\0\0",
        b"\x1f\x81\1\0",
        b"\4\5ab",
    ],
    ids=[
        "string in pieces",
        "long number",
        "empty number",
        "long boolean",
        "high tag",
        "beyond its end",
    ],
)
def test_what_ber_allows_and_ldap_does_not_is_refused(inside):
    with pytest.raises(LdapRefused):
        whole(wrapped(0x30, (inside,)))


def test_bytes_from_outside_raise_our_own_error_and_no_other():
    seeds = [write(message) for message in MESSAGES]
    dice = random.Random(4511)
    refused = 0
    for _ in range(10_000):
        raw = bytearray(dice.choice(seeds))
        for _ in range(dice.randint(1, 4)):
            match dice.randrange(4):
                case 0:
                    raw[dice.randrange(len(raw))] = dice.randrange(256)
                case 1:
                    raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
                case 2:
                    del raw[dice.randint(1, len(raw)) :]
                case _:
                    raw[(at := dice.randrange(len(raw))) : at] = dice.randbytes(dice.randint(1, 6))
        try:
            for frame in FrameReader().feed(bytes(raw)):
                page_of(read(frame))
        except LdapRefused:
            refused += 1
    assert refused > 5000


def test_random_bytes_in_a_sound_frame_raise_our_own_error_and_no_other():
    dice = random.Random(2251)
    for _ in range(500):
        with pytest.raises(LdapRefused):
            read(
                wrapped(
                    0x30,
                    (
                        b"\2\1\1",
                        wrapped(
                            0x60 | dice.choice((0, 1, 3, 4, 5, 19, 23, 24)),
                            (dice.randbytes(dice.randint(1, 40)),),
                        ),
                    ),
                )
            )


def test_p16_a_value_stays_a_value_in_the_text_form():
    assert escaped(b"*)(uid=*") == r"\2a\29\28uid=\2a"
    assert escaped(b"a\0b\\00") == r"a\00b\5c00"
    assert escaped("Đ".encode()) == r"\c4\90"
    assert printed(Equals("uid", b"*)(uid=*")) == r"(uid=\2a\29\28uid=\2a)"


def test_filters_are_printed_as_the_rfc_writes_them():
    assert printed(FILTER) == (
        "(&(objectClass=person)(|(uid=\\c4\\91\\e1\\ba\\a1t)(cn=a*b*c*d))(!(pwdAccountLockedTime=*))"
        f"(memberOf:dn:{IN_CHAIN}:=cn=g,dc=x)(&(n>=1)(n<=9)(sn~=x)(sn=*z))(|))"
    )


@pytest.mark.parametrize(
    "value",
    ["Nguyễn Văn A", "a,ou=admin", "a+cn=b", "#x", " a ", '"<>;=\\', "a\0\r", "", " ", "\\2c"],
)
def test_a_value_in_a_name_stays_one_value(value):
    assert parts_of(below("ou=staff,dc=vn", "cn", value)) == (
        (("cn", value),),
        (("ou", "staff"),),
        (("dc", "vn"),),
    )


def test_names_of_older_directories_are_read():
    assert parts_of("CN=Trần\\, B ,  OU=x+uid=\\23y") == (
        (("cn", "Trần, B"),),
        (("ou", "x"), ("uid", "#y")),
    )
    assert parts_of("") == ()
    assert name_of((("cn", "a"), ("uid", "b")), (("dc", "x"),)) == "cn=a+uid=b,dc=x"


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "cn=a,",
        "=a",
        "cn=#0401",
        'cn="a"',
        "cn=a\\",
        "cn=a\\g",
        "cn=\\ff",
        "cn=a\0",
        "x" * 5000,
    ],
)
def test_what_is_no_name_is_refused(name):
    with pytest.raises(LdapRefused):
        parts_of(name)
