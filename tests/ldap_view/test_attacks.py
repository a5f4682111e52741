"""P03, P11, P16 and floods at the LDAP front: what strangers and other systems try."""

import asyncio
import logging
from typing import Any, cast

import pytest

from connectors.ldap.ber import wrapped
from connectors.ldap.filters import And, Equals, Filter, Not, Or, Present, Substrings
from connectors.ldap.messages import (
    NOTICE_OF_DISCONNECTION,
    START_TLS,
    BindRequest,
    BindResponse,
    Control,
    ExtendedRequest,
    ExtendedResponse,
    Message,
    OtherResponse,
    Scope,
    SearchRequest,
)
from connectors.ldap.results import ResultCode
from connectors.ldap.writing import write
from idp.ldap import bounds, reach
from idp.ldap.caller import Anonymous
from idp.ldap.conversation import Conversation, Front
from idp.store.directory_people import PeoplePage, SqlDirectoryPeople
from tests.fixtures_world import SECRET_1, SECRET_2
from tests.ldap_view.conftest import FILES_BASE, MAIL_BASE, SERVICE, View, Wire, dn


def ended(answer: Message | None) -> bool:
    """The other side said that it ends the connection, or did so."""
    return answer is None or (
        isinstance(answer.operation, ExtendedResponse)
        and answer.operation.name == NOTICE_OF_DISCONNECTION
    )


async def test_guesses_at_the_ldap_front_are_counted_with_all_others(view: View) -> None:
    """P03: one counter, whatever door the guesses come by."""
    alice = view.world.alice.account
    await view.link(alice.subject, "a1")
    for _ in range(6):
        wire = await view.connect()
        assert await wire.bind(dn("a1"), "wrong-guess-at-alice") is ResultCode.INVALID_CREDENTIALS
    browser = view.world.browser("127.0.0.1")
    page = await browser.follow(await browser.authorize())
    response = await browser.submit(page, username=alice.username, password="sai-roi-do")
    assert response.status_code == 429


async def test_the_password_of_the_web_never_opens_the_ldap_front(view: View) -> None:
    alice = view.world.alice
    await view.link(alice.account.subject, "a1")
    wire = await view.connect()
    assert await wire.bind(dn("a1"), alice.password) is ResultCode.INVALID_CREDENTIALS


async def test_guesses_of_strangers_lock_no_app_password_out(view: View) -> None:
    alice = view.world.alice.account.subject
    await view.link(alice, "a1")
    _, secret = await view.app_password(alice)
    for _ in range(10):
        wire = await view.connect()
        for _ in range(bounds.MAX_FAILED_BINDS - 1):
            code = await wire.bind(dn("a1"), "wrong-guess-at-alice")
            assert code is ResultCode.INVALID_CREDENTIALS
    wire = await view.connect()
    assert await wire.bind(dn("a1"), secret) is ResultCode.SUCCESS


async def test_known_and_unknown_names_get_one_answer(view: View) -> None:
    await view.link(view.world.alice.account.subject, "a1")
    answers = set()
    for name in (dn("a1"), dn("nobody"), dn("a1", "ou=none,dc=test"), dn("a1", FILES_BASE), "x"):
        wire = await view.connect()
        answer = (await wire.ask(BindRequest(name=name, password=b"wrong")))[0].operation
        assert isinstance(answer, BindResponse)
        answers.add(answer.result)
    assert len(answers) == 1


BELIEVED_BY_NOBODY = {
    "P16: the service without a password": (SERVICE, b"", ResultCode.UNWILLING_TO_PERFORM),
    "P16: a person without a password": (dn("a1"), b"", ResultCode.UNWILLING_TO_PERFORM),
    "the secret of another system": (SERVICE, SECRET_2.encode(), None),
    "the secret and a NUL": (SERVICE, SECRET_1.encode() + b"\0", None),
    "the service of another system": (f"cn=service,{FILES_BASE}", SECRET_1.encode(), None),
    "the service in another place": (f"cn=service,ou=people,{MAIL_BASE}", SECRET_1.encode(), None),
    "P16: a star": (dn("*"), b"x", None),
    "P16: an escaped NUL": (dn("a1\\00"), b"x", None),
    "P16: brackets": (dn("a1)(uid=*"), b"x", None),
    "no name": ("=,=,=", b"x", None),
    "a long name": ("uid=" + "x" * 5000, b"x", None),
}


async def test_nobody_is_believed_for_less_than_a_whole_proof(view: View) -> None:
    await view.link(view.world.alice.account.subject, "a1")
    for told, (name, password, code) in BELIEVED_BY_NOBODY.items():
        wire = await view.connect()
        got = await wire.bind(name, password)
        assert got is (code or ResultCode.INVALID_CREDENTIALS), told
        found, searched, _ = await wire.search(MAIL_BASE)
        assert (found, searched) == ({}, ResultCode.INSUFFICIENT_ACCESS_RIGHTS), told


async def test_a_failed_bind_takes_away_what_an_earlier_one_gave(view: View) -> None:
    wire = await view.as_mail()
    assert await wire.bind(SERVICE, "wrong") is ResultCode.INVALID_CREDENTIALS
    assert (await wire.search(MAIL_BASE))[1] is ResultCode.INSUFFICIENT_ACCESS_RIGHTS


async def test_a_stranger_learns_what_the_server_is_and_no_tree(view: View) -> None:
    wire = await view.connect()
    found, code, _ = await wire.search("", scope=Scope.BASE, attributes=("*", "+"))
    assert code is ResultCode.SUCCESS
    assert "namingContexts" not in found[""]
    for base in (MAIL_BASE, FILES_BASE, "dc=none", "cn=subschema"):
        found, code, _ = await wire.search(base, scope=Scope.BASE)
        assert (found, code) == ({}, ResultCode.INSUFFICIENT_ACCESS_RIGHTS)


async def test_a_person_sees_nobody_else(view: View) -> None:
    alice = view.world.alice.account.subject
    await view.link(alice, "a1")
    await view.link(view.world.bob.account.subject, "b1")
    _, secret = await view.app_password(alice)
    wire = await view.connect()
    assert await wire.bind(dn("a1"), secret) is ResultCode.SUCCESS
    assert set((await wire.search(dn("a1")))[0]) == {dn("a1")}
    for base in (dn("b1"), dn("nobody"), MAIL_BASE, f"ou=people,{MAIL_BASE}"):
        found, code, _ = await wire.search(base)
        assert (found, code) == ({}, ResultCode.INSUFFICIENT_ACCESS_RIGHTS)


def deep(levels: int) -> Filter:
    term: Filter = Present("uid")
    for _ in range(levels):
        term = Not(term)
    return term


def many(attribute: str, number: int) -> Filter:
    return Or(tuple(Equals(attribute, b"x%d" % n) for n in range(number)))


async def test_a_filter_bomb_within_the_bounds_is_answered(view: View) -> None:
    await view.link(view.world.alice.account.subject, "a" * 40)
    wire = await view.as_mail()
    pieces = Substrings(attribute="cn", middle=(b"a",) * 2000, final=b"b")
    for bomb in (many("cn", 90), And((many("uid", 90),)), deep(8), pieces):
        found, code, _ = await wire.search(f"ou=people,{MAIL_BASE}", And((bomb, many("cn", 2))))
        assert (found, code) == ({}, ResultCode.SUCCESS)


async def test_a_filter_bomb_past_the_bounds_ends_its_connection(view: View) -> None:
    other = await view.as_mail()
    wide = SearchRequest(base="", scope=Scope.BASE, filter=many("cn", 1000))
    for raw in (write(Message(number=9, operation=wide)), nested(30), nested(2000)):
        wire = await view.as_mail()
        await wire.send(raw)
        assert ended(await wire.next())
        assert (await other.search(MAIL_BASE))[1] is ResultCode.SUCCESS


def nested(levels: int) -> bytes:
    """A search for not not … not (uid=*), which our own writer would refuse."""
    term = b"\x87\x03uid"
    for _ in range(levels):
        term = wrapped(0xA2, [term])
    head = b"\x04\x00\x0a\x01\x02\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00"
    return wrapped(0x30, [b"\x02\x01\x09", wrapped(0x63, [head, term, b"\x30\x00"])])


NO_MESSAGES = {
    "huge": b"\x30\x84\x7f\xff\xff\xff",
    "indefinite": b"\x30\x80",
    "http": b"GET / HTTP/1.1\r\n\r\n",
    "tls": b"\x16\x03\x01\x00\xf4\x01\x00",
    "trailing": b"\x30\x05\x02\x01\x01\x42\x00" + b"\x00" * 20,
    "deep": wrapped(0x30, [b"\x02\x01\x01", wrapped(0x63, [b"\xa2\x02" * 500])]),
    "number 0": b"\x30\x0c\x02\x01\x00\x60\x07\x02\x01\x03\x04\x00\x80\x00",
}


async def test_what_is_no_message_ends_the_connection_and_nothing_else(view: View) -> None:
    other = await view.as_mail()
    for told, raw in NO_MESSAGES.items():
        wire = await view.connect()
        await wire.send(raw)
        assert ended(await wire.next()), told
        assert (await other.search(MAIL_BASE))[1] is ResultCode.SUCCESS, told


async def test_writes_are_refused_each_with_its_own_answer(view: View) -> None:
    wire = await view.as_mail()
    for tag in (6, 8, 12):
        await wire.send(wrapped(0x30, [b"\x02\x01\x07", wrapped(0x60 | tag, [])]))
        answer = await wire.next()
        assert answer is not None
        assert isinstance(answer.operation, OtherResponse)
        assert answer.operation.tag == tag + 1
        assert answer.operation.result.code is ResultCode.UNWILLING_TO_PERFORM
    await wire.send(wrapped(0x30, [b"\x02\x01\x08", b"\x4a\x01x"]))
    answer = await wire.next()
    assert answer is not None
    await wire.send(wrapped(0x30, [b"\x02\x01\x09", b"\x50\x01\x08"]))  # abandon has no answer
    assert (await wire.search(MAIL_BASE))[1] is ResultCode.SUCCESS


async def test_an_unknown_critical_control_and_an_unknown_operation_are_refused(
    view: View,
) -> None:
    wire = await view.as_mail()
    control = Control(oid="1.2.3.4", critical=True)
    found, code, _ = await wire.search(MAIL_BASE, Present("uid"), Scope.SUBTREE, control)
    assert (found, code) == ({}, ResultCode.UNAVAILABLE_CRITICAL_EXTENSION)
    [answer] = await wire.ask(ExtendedRequest(name="1.2.3.4"))
    assert isinstance(answer.operation, ExtendedResponse)
    assert answer.operation.result.code is ResultCode.PROTOCOL_ERROR


async def test_words_said_in_the_clear_are_never_taken_as_said_under_tls(view: View) -> None:
    wire = await view.connect()
    start = write(Message(number=1, operation=ExtendedRequest(name=START_TLS)))
    bind = BindRequest(name=SERVICE, password=SECRET_1.encode())
    await wire.send(start + write(Message(number=2, operation=bind)))
    answers = [answer async for answer in _all(wire)]
    assert not any(isinstance(answer.operation, BindResponse) for answer in answers)


async def _all(wire: Wire):
    while (answer := await wire.next()) is not None:
        yield answer


async def test_who_guesses_on_one_connection_loses_it(view: View) -> None:
    wire = await view.connect()
    for _ in range(bounds.MAX_FAILED_BINDS):
        assert await wire.bind(SERVICE, "wrong") is ResultCode.INVALID_CREDENTIALS
    assert await wire.next() is None


async def test_guesses_at_a_secret_are_held_and_the_right_one_too(view: View) -> None:
    for _ in range(bounds.SERVICE_FAILURES):
        wire = await view.connect()
        assert await wire.bind(SERVICE, "wrong") is ResultCode.INVALID_CREDENTIALS
    wire = await view.connect()
    assert await wire.bind(SERVICE, SECRET_1) is ResultCode.INVALID_CREDENTIALS
    assert await wire.bind(f"cn=service,{FILES_BASE}", SECRET_2) is ResultCode.SUCCESS
    view.world.clock.now += bounds.SERVICE_WINDOW_SECONDS + 1
    assert await wire.bind(SERVICE, SECRET_1) is ResultCode.SUCCESS


async def test_half_open_connections_end_and_no_flood_takes_all_places(
    view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "STRANGER_SECONDS", 0.3)
    monkeypatch.setattr(bounds, "MAX_PER_ADDRESS", 4)
    silent = [await view.connect() for _ in range(4)]
    await silent[0].send(b"\x30\x20")  # a message that never ends
    one_more = await view.connect()
    assert await one_more.next() is None
    for wire in silent:
        assert ended(await wire.next())
    await view.as_mail()


async def test_a_proved_connection_has_no_time_for_half_a_message(
    view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = await view.as_mail()
    monkeypatch.setattr(bounds, "STRANGER_SECONDS", 0.3)
    await wire.search(MAIL_BASE)
    await wire.send(b"\x30\x20")
    assert ended(await wire.next())


async def test_nothing_personal_and_no_secret_reaches_a_log(
    view: View, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    alice = view.world.alice.account.subject
    await view.link(alice, "tuyetnt85")
    _, secret = await view.app_password(alice)
    wire = await view.connect()
    await wire.bind(dn("tuyetnt85"), "wrong-guess")
    await wire.bind(dn("tuyetnt85"), secret)
    await wire.search(dn("tuyetnt85"))
    wire = await view.as_mail()
    await wire.search(MAIL_BASE, Equals("uid", b"tuyetnt85"))
    await wire.send(b"nonsense")
    for word in ("tuyetnt85", secret, "wrong-guess", "vidu.example"):
        assert word not in caplog.text


async def test_many_binds_at_once_are_each_judged(view: View) -> None:
    async def guess(n: int) -> ResultCode:
        wire = await view.connect()
        return await wire.bind(dn(f"nobody{n}"), "wrong")

    codes = await asyncio.gather(*(guess(n) for n in range(40)))
    assert set(codes) == {ResultCode.INVALID_CREDENTIALS}
    await view.as_mail()


async def test_a_password_in_the_clear_is_refused_unread_beyond_loopback(view: View) -> None:
    """StartTLS stripped on the way: the password is not looked at, right or wrong."""
    nothing = cast("Any", None)
    front = Front(
        binds=nothing, searches=nothing, compares=nothing, can_start_tls=True, clear_text=False
    )
    conversation = Conversation(front, "192.0.2.1", secure=False)
    for password in (SECRET_1.encode(), b"wrong"):
        bind = BindRequest(name=SERVICE, password=password)
        reply = await conversation.answer(Message(number=1, operation=bind))
        [answer] = reply.messages
        assert isinstance(answer.operation, BindResponse)
        assert answer.operation.result.code is ResultCode.CONFIDENTIALITY_REQUIRED
        assert conversation.caller == Anonymous()


async def test_a_search_for_one_person_looks_at_nobody_else(
    view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    await view.link(view.world.alice.account.subject, "a1")

    async def never(*_: object) -> PeoplePage:
        raise AssertionError("somebody looks through the people")

    monkeypatch.setattr(SqlDirectoryPeople, "page", never)
    wire = await view.as_mail()
    for wanted in (
        Equals("uid", b"a1"),
        And((Equals("uid", b"a1"), Present("mail"))),
        And((Present("objectClass"), Or((Equals("uid", b"a1"), Equals("uid", b"a2"))))),
    ):
        found, code, _ = await wire.search(MAIL_BASE, wanted)
        assert (set(found), code) == ({dn("a1")}, ResultCode.SUCCESS)


async def test_what_has_no_index_is_looked_for_up_to_a_bound(
    view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(6):
        await view.link(view.world.alice.account.subject, f"a{n}")
    monkeypatch.setattr(reach, "PAGE_ROWS", 2)
    monkeypatch.setattr(reach, "MAX_LOOKED_AT", 4)
    wire = await view.as_mail()
    found, code, _ = await wire.search(MAIL_BASE, Equals("mail", b"tuyet@vidu.example"))
    assert (len(found), code) == (4, ResultCode.ADMIN_LIMIT_EXCEEDED)
