"""Simple binds: the system by its secret, a person by an app password, and nobody else."""

import hashlib
import hmac
from collections.abc import Sequence

from connectors.contract import AccountId
from connectors.ldap.messages import BindRequest
from connectors.ldap.results import Result, ResultCode
from connectors.registry import LdapViewSettings, System
from connectors.systems.ldap_view.places import OnePerson, Service, system_of
from idp.authn.throttle import Attempt, KnownDevice, Throttle, group
from idp.authn.usernames import UsernameRefused, fold
from idp.errors import TooManyAttempts
from idp.ldap.bounds import SERVICE_FAILURES, SERVICE_WINDOW_SECONDS
from idp.ldap.caller import Anonymous, BoundPerson, BoundSystem, Caller
from idp.ports import Audit, Clock, Counters, Entropy
from idp.store.app_passwords import SqlAppPasswords
from idp.store.directory_people import SqlDirectoryPeople
from keys.blind import BlindIndex

ENDPOINT = "ldap"
UNKNOWN = "unknown"
WRONG = Result(code=ResultCode.INVALID_CREDENTIALS)
"""One answer for an unknown name, a wrong password, a disabled person, an ended link, too many."""


class Binds:
    """Decides who a connection speaks for."""

    def __init__(
        self,
        *,
        systems: Sequence[System],
        passwords: SqlAppPasswords,
        people: SqlDirectoryPeople,
        throttle: Throttle,
        counters: Counters,
        index: BlindIndex,
        audit: Audit,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._systems = systems
        self._passwords = passwords
        self._people = people
        self._throttle = throttle
        self._counters = counters
        self._index = index
        self._audit = audit
        self._clock = clock
        self._entropy = entropy

    async def bind(self, request: BindRequest, address: str) -> Caller | Result:
        """Who is believed from now on, or why nobody is.

        Spec: RFC 4511 §4.2; RFC 4513 §5.1.1, §5.1.2 (a name without a password proves nothing)
        """
        if request.version != 3:
            return Result(code=ResultCode.PROTOCOL_ERROR, text="LDAPv3 only")
        if request.password is None:
            return Result(code=ResultCode.AUTH_METHOD_NOT_SUPPORTED, text="simple binds only")
        if not request.password:
            if not request.name:
                return Anonymous()
            return Result(code=ResultCode.UNWILLING_TO_PERFORM, text="a password is needed")
        found = system_of(request.name, self._systems)
        match found:
            case (system, Service()) if system.ldap_view is not None:
                return await self._service(system, system.ldap_view, request.password, address)
            case (system, OnePerson(account)) if system.ldap_view is not None:
                settings = system.ldap_view
                return await self._person(system, settings, account, request.password, address)
            case _:
                return await self._nobody(request.name, address)

    async def _service(
        self, system: System, settings: LdapViewSettings, password: bytes, address: str
    ) -> Caller | Result:
        """The system, by one of its secrets; failures count for it and this address alone."""
        named = f"{system.system_id}\0{group(address)}"
        key = f"ldap-failures:{hashlib.sha256(named.encode()).hexdigest()}"
        if await self._counters.hit_below(key, SERVICE_FAILURES, SERVICE_WINDOW_SECONDS):
            return self._refused("directory_refused", "too many failures", system, address)
        digest = hashlib.sha256(password).digest()
        fits = [hmac.compare_digest(digest, kept) for kept in settings.secret_digests]
        if not any(fits):
            return self._refused("directory_refused", "wrong secret", system, address)
        await self._counters.give_back(key)
        return BoundSystem(system, settings)

    async def _person(
        self,
        system: System,
        settings: LdapViewSettings,
        account: AccountId,
        password: bytes,
        address: str,
    ) -> Caller | Result:
        """The person, by an app password for this system.

        Why it is looked up before the guess is counted: whoever has it is a known device, whom the
        guesses of strangers at the same mail server cannot lock out; and a right guess at 128
        random bits does not happen. Wrong ones count where guesses at the same person count that
        come by any other door.
        """
        now = int(self._clock())
        proven = await self._passwords.prove(system.system_id, account, password, now)
        username = await self._people.username(system, account)
        device = None
        if proven is not None:
            device = KnownDevice(device_id=proven.app_password_id, subject=proven.subject)
        attempt = Attempt(
            folded_username=_folded(username, f"{system.system_id}/{account}"),
            address=address,
            device=device,
        )
        try:
            admission = await self._throttle.admit(attempt)
        except TooManyAttempts:
            return self._refused("sign_in_throttled", "too many attempts", system, address)
        if proven is None or await self._people.one(system, settings, account) is None:
            return self._refused("sign_in_rejected", "wrong app password", system, address)
        await self._throttle.succeeded(admission)
        fields = {"system": system.system_id, "app_password": proven.app_password_id}
        self._audit.record("app_password_used", fields)
        return BoundPerson(system, settings, account)

    async def _nobody(self, name: str, address: str) -> Result:
        """A name in no tree: counted as a guess at a person whom nobody knows."""
        attempt = Attempt(folded_username=_folded(None, name), address=address)
        try:
            await self._throttle.admit(attempt)
        except TooManyAttempts:
            return self._refused("sign_in_throttled", "too many attempts", None, address)
        return self._refused("directory_refused", "unknown name", None, address)

    def _refused(self, event: str, reason: str, system: System | None, address: str) -> Result:
        self._audit.record(
            event,
            {
                "endpoint": ENDPOINT,
                "reason": reason,
                "client": UNKNOWN if system is None else system.system_id,
                "actor": self._index.digest("actor", group(address)).hex()[:16],
                "correlation": self._entropy(8).hex(),
            },
        )
        return WRONG


def _folded(username: str | None, otherwise: str) -> str:
    try:
        return fold(username or otherwise)
    except UsernameRefused:
        return "unreadable"
