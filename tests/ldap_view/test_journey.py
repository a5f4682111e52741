"""Mail and file servers against the whole provider, over sockets."""

from connectors.ldap.filters import And, Equals, Not, Or, Present, Substrings
from connectors.ldap.messages import (
    WHO_AM_I,
    CompareRequest,
    ExtendedRequest,
    ExtendedResponse,
    OtherResponse,
    Scope,
)
from connectors.ldap.paging import Page, page_of
from connectors.ldap.results import ResultCode
from idp.store.app_passwords import SqlAppPasswords
from tests.fixtures_world import SECRET_1, SECRET_2
from tests.ldap_view.conftest import FILES_BASE, MAIL_BASE, SERVICE, View, dn
from tests.people import ALICE_NAME


async def test_a_mail_server_finds_a_person_and_the_person_binds_by_an_app_password(
    view: View,
) -> None:
    alice = view.world.alice.account.subject
    await view.link(alice, "tuyetnt85")
    _, secret = await view.app_password(alice)
    wire = await view.as_mail()
    found, code, _ = await wire.search(MAIL_BASE, Equals("uid", b"tuyetnt85"))
    assert code is ResultCode.SUCCESS
    assert found[dn("tuyetnt85")]["cn"] == (ALICE_NAME.encode(),)
    assert found[dn("tuyetnt85")]["mail"] == (b"tuyet@vidu.example",)
    person = await view.connect()
    assert await person.bind(dn("tuyetnt85"), secret) is ResultCode.SUCCESS
    assert await person.bind(dn("tuyetnt85"), secret.replace("-", "").upper()) is (
        ResultCode.SUCCESS
    )
    [told] = await person.ask(ExtendedRequest(name=WHO_AM_I))
    assert isinstance(told.operation, ExtendedResponse)
    assert told.operation.value == f"dn:{dn('tuyetnt85')}".encode()


async def test_a_system_sees_nothing_that_its_table_does_not_map(view: View) -> None:
    await view.link(view.world.alice.account.subject, "tuyetnt85")
    wire = await view.as_mail()
    found, _, _ = await wire.search(dn("tuyetnt85"), scope=Scope.BASE)
    assert set(found[dn("tuyetnt85")]) == {"objectClass", "uid", "cn", "sn", "mail", "memberOf"}


async def test_a_system_sees_its_own_people_alone(view: View) -> None:
    await view.link(view.world.alice.account.subject, "a1")
    await view.link(view.world.bob.account.subject, "b1", "files")
    mail = await view.as_mail()
    assert (await mail.search(FILES_BASE))[1] is ResultCode.NO_SUCH_OBJECT
    assert (await mail.search("dc=tinh,dc=test"))[1] is ResultCode.NO_SUCH_OBJECT
    assert (await mail.search(dn("b1")))[1] is ResultCode.NO_SUCH_OBJECT
    people = f"ou=people,{MAIL_BASE}"
    assert set((await mail.search(people, scope=Scope.ONE_LEVEL))[0]) == {dn("a1")}
    files = await view.connect()
    assert await files.bind(f"cn=service,{FILES_BASE}", SECRET_2) is ResultCode.SUCCESS
    found, _, _ = await files.search(f"ou=people,{FILES_BASE}", scope=Scope.ONE_LEVEL)
    assert set(found) == {dn("b1", FILES_BASE)}


async def test_who_is_disabled_or_unlinked_or_revoked_is_refused_at_once(view: View) -> None:
    alice = view.world.alice.account.subject
    link = await view.link(alice, "a1")
    made, secret = await view.app_password(alice)
    wire = await view.connect()
    assert await wire.bind(dn("a1"), secret) is ResultCode.SUCCESS
    async with view.stores() as stores:
        await stores.accounts.set_enabled(alice, enabled=False)
        assert (await wire.search(dn("a1")))[1] is ResultCode.NO_SUCH_OBJECT
        assert await wire.bind(dn("a1"), secret) is ResultCode.INVALID_CREDENTIALS
        await stores.accounts.set_enabled(alice, enabled=True)
        assert await wire.bind(dn("a1"), secret) is ResultCode.SUCCESS
        sql = "UPDATE link SET state = $2 WHERE id = $1"
        await stores.database.change(sql, link, "suspended")
        assert await wire.bind(dn("a1"), secret) is ResultCode.INVALID_CREDENTIALS
        await stores.database.change(sql, link, "active")
        kept = SqlAppPasswords(stores.database, stores.sealer, view.index)
        assert await kept.revoke(made, 1) == "mail"
        assert await kept.revoke(made, 1) is None
        assert await wire.bind(dn("a1"), secret) is ResultCode.INVALID_CREDENTIALS


async def test_an_app_password_is_good_for_one_system_until_it_expires(view: View) -> None:
    alice = view.world.alice.account.subject
    await view.link(alice, "a1")
    await view.link(alice, "a1", "files")
    _, secret = await view.app_password(alice, days=1)
    wire = await view.connect()
    assert await wire.bind(dn("a1", FILES_BASE), secret) is ResultCode.INVALID_CREDENTIALS
    assert await wire.bind(dn("a1"), secret) is ResultCode.SUCCESS
    view.world.clock.now += 86400
    assert await wire.bind(dn("a1"), secret) is ResultCode.INVALID_CREDENTIALS


async def test_the_whole_tree_comes_page_by_page_and_each_entry_once(view: View) -> None:
    for n, person in enumerate((view.world.alice, view.world.bob)):
        for account in range(5):
            await view.link(person.account.subject, f"p{n}{account}")
    wire = await view.as_mail()
    seen: list[str] = []
    cookie = b""
    while True:
        page = Page(size=2, cookie=cookie).control()
        found, code, done = await wire.search(
            MAIL_BASE, Present("objectClass"), Scope.SUBTREE, page
        )
        assert code is ResultCode.SUCCESS
        assert len(found) <= 2
        seen += found
        told = page_of(done)
        assert told is not None
        cookie = told.cookie
        if not cookie:
            break
    assert len(seen) == len(set(seen)) == 3 + 2 + 10
    assert set(seen) == set((await wire.search(MAIL_BASE))[0])


async def test_a_cookie_is_good_for_its_own_search_alone(view: View) -> None:
    for n in range(3):
        await view.link(view.world.alice.account.subject, f"p{n}")
    wire = await view.as_mail()
    first = Page(size=1).control()
    _, _, done = await wire.search(MAIL_BASE, Present("uid"), Scope.SUBTREE, first)
    told = page_of(done)
    assert told is not None
    assert told.cookie
    for cookie in (told.cookie, b"x" * 60, told.cookie[:-1]):
        again = Page(size=1, cookie=cookie).control()
        found, code, _ = await wire.search(MAIL_BASE, Present("cn"), Scope.SUBTREE, again)
        assert code is ResultCode.UNWILLING_TO_PERFORM
        assert found == {}


async def test_filters_mean_what_the_standard_says(view: View) -> None:
    await view.link(view.world.alice.account.subject, "a1")
    await view.link(view.world.pat.account.subject, "c1")
    wire = await view.as_mail()

    async def people(found: object) -> set[str]:
        entries, code, _ = await wire.search(f"ou=people,{MAIL_BASE}", found, Scope.ONE_LEVEL)  # type: ignore[arg-type]
        assert code is ResultCode.SUCCESS
        return {name.partition(",")[0].removeprefix("uid=") for name in entries}

    assert await people(Equals("cn", b"pat")) == {"c1"}
    assert await people(Not(Equals("cn", b"pat"))) == {"a1"}
    assert await people(Not(Equals("shoeSize", b"40"))) == set()
    assert await people(And(())) == {"a1", "c1"}
    assert await people(Or(())) == set()
    assert await people(Or((Equals("uid", b"a1"), Equals("uid", b"c1")))) == {"a1", "c1"}
    assert await people(And((Equals("uid", b"a1"), Equals("objectClass", b"inetOrgPerson")))) == {
        "a1"
    }
    assert await people(Substrings(attribute="cn", initial=b"Nguy", final=b"x")) == set()
    assert await people(Substrings(attribute="cn", initial=b"p", final=b"T")) == {"c1"}
    assert await people(Substrings(attribute="uid", middle=(b"1",))) == {"a1", "c1"}
    assert await people(Equals("uid", b"A1")) == set()
    assert await people(Equals("uid", b"*")) == set()
    assert await people(Equals("memberOf", f"cn=citizens,ou=groups,{MAIL_BASE}".encode())) == {
        "a1", "c1",
    }  # fmt: skip


async def test_groups_hold_whom_their_rule_admits_and_compare_tells_of_one(view: View) -> None:
    await view.link(view.world.alice.account.subject, "a1")
    wire = await view.as_mail()
    citizens, clerks = (f"cn={name},ou=groups,{MAIL_BASE}" for name in ("citizens", "clerks"))
    found, _, _ = await wire.search(f"ou=groups,{MAIL_BASE}", scope=Scope.ONE_LEVEL)
    assert found[citizens]["member"] == (dn("a1").encode(),)
    assert "member" not in found[clerks]

    async def compared(entry: str, attribute: str, value: str) -> ResultCode:
        request = CompareRequest(entry=entry, attribute=attribute, value=value.encode())
        [answer] = await wire.ask(request)
        assert isinstance(answer.operation, OtherResponse), answer
        return answer.operation.result.code

    assert await compared(citizens, "member", dn("a1")) is ResultCode.COMPARE_TRUE
    assert await compared(clerks, "member", dn("a1")) is ResultCode.COMPARE_FALSE
    assert await compared(citizens, "member", dn("nobody")) is ResultCode.COMPARE_FALSE
    assert await compared(dn("a1"), "mail", "TUYET@vidu.example") is ResultCode.COMPARE_TRUE
    assert await compared(dn("a1"), "title", "x") is ResultCode.NO_SUCH_ATTRIBUTE
    assert await compared(dn("nobody"), "cn", "x") is ResultCode.NO_SUCH_OBJECT


async def test_attributes_come_as_they_were_asked_for(view: View) -> None:
    await view.link(view.world.alice.account.subject, "a1")
    wire = await view.as_mail()

    async def asked(*names: str, types_only: bool = False) -> dict[str, tuple[bytes, ...]]:
        found, _, _ = await wire.search(
            dn("a1"), scope=Scope.BASE, attributes=names, types_only=types_only
        )
        return found[dn("a1")]

    assert set(await asked("MAIL", "2.5.4.3")) == {"mail", "cn"}
    assert await asked("1.1") == {}
    assert set(await asked("+")) == {"entryUUID", "entryDN", "subschemaSubentry"}
    assert await asked("mail", types_only=True) == {"mail": ()}
    assert set(await asked("userPassword")) == set()


async def test_a_size_limit_is_told_and_kept(view: View) -> None:
    for n in range(3):
        await view.link(view.world.alice.account.subject, f"p{n}")
    wire = await view.as_mail()
    found, code, _ = await wire.search(MAIL_BASE, Present("uid"), size_limit=2)
    assert (len(found), code) == (2, ResultCode.SIZE_LIMIT_EXCEEDED)
    found, code, _ = await wire.search(MAIL_BASE, Present("uid"), size_limit=3)
    assert (len(found), code) == (3, ResultCode.SUCCESS)


async def test_starttls_makes_nobody_of_who_has_bound(view: View) -> None:
    wire = await view.as_mail()
    assert await wire.start_tls(view.folder) is ResultCode.SUCCESS
    assert (await wire.search(MAIL_BASE))[1] is ResultCode.INSUFFICIENT_ACCESS_RIGHTS
    [told] = await wire.ask(ExtendedRequest(name=WHO_AM_I))
    assert isinstance(told.operation, ExtendedResponse)
    assert told.operation.value == b""
    assert await wire.start_tls(view.folder) is ResultCode.OPERATIONS_ERROR


async def test_ldaps_answers_as_ldap_does(view: View) -> None:
    wire = await view.connect(tls=True)
    assert await wire.bind(SERVICE, SECRET_1) is ResultCode.SUCCESS
    assert set((await wire.search(MAIL_BASE, scope=Scope.BASE))[0]) == {MAIL_BASE}
