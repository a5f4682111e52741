"""What each page shows: plain values, made by the journeys, rendered by `pages`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.contract import Locale


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What every page has. `lang_links` leads to the same page in the other language."""

    locale: Locale
    nonce: str
    lang_links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormView(View):
    """A page with a form of ours; `hidden` holds the flow and its CSRF value."""

    action: str
    hidden: Mapping[str, str]
    participant_name: str
    error: str | None = None

    @property
    def blames_input(self) -> bool:
        """Whether the error is about what was typed, rather than about us or about a limit."""
        return self.error is not None and self.error.startswith("wrong_")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLink:
    """A way in by a source; `level` is the highest that it gives."""

    source_id: str
    name: str
    link: str
    level: int
    down: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginView(FormView):
    """Fields `username`, `password`; button `decision=cancel`; a link for each source."""

    username: str = field(default="", repr=False)
    password: bool = True
    """Whether a user name and a password of ours are a way in, too."""
    sources: tuple[SourceLink, ...] = ()
    level: int | None = None
    """Where the person is signed in already, and this level is asked for."""

    @property
    def open_sources(self) -> tuple[SourceLink, ...]:
        """Those that are there now."""
        return tuple(source for source in self.sources if not source.down)

    @property
    def outages(self) -> tuple[SourceLink, ...]:
        """Those that are not."""
        return tuple(source for source in self.sources if source.down)


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryView(FormView):
    """Fields `username`, `password` of a directory of staff; a link back to the other ways."""

    directory_name: str
    back: str
    username: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OtpView(FormView):
    """Field `otp`; buttons `decision=cancel`, `decision=restart`."""

    can_restart: bool = False
    """Whether another user name can still be given: nobody is signed in yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentView(FormView):
    """Buttons `decision=allow`, `decision=deny`, of equal weight."""

    host: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimView(FormView):
    """Fields `account`, `password`; buttons `decision=claim`, `decision=cancel`."""

    account: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeView(View):
    """A page that only tells something; `reason` names its texts."""

    reason: str
    correlation: str | None = None
    action: str | None = None
    hidden: Mapping[str, str] = field(default_factory=dict)
    """With an action: one button that goes back to the system (`decision=continue`)."""
    link: str | None = None
    retry: str | None = None
    """Back to the ways of signing in."""
    items: tuple[str, ...] = ()
    above: tuple[str, str] | None = None
    """The source where the person is still signed in: its name, and the way to sign out there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPostView(View):
    """An answer that the browser posts to a verified address."""

    target: str
    fields: Mapping[str, str] = field(repr=False)
    participant_name: str
    lead: str = "form_post.lead"
    """The text before the name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoOnView(View):
    """A page that leads on by itself."""

    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeView(View):
    """The start page: who is signed in here, and the systems."""

    signed_in_name: str | None = field(repr=False)
    systems: tuple[tuple[str, str], ...]
    """Name and address."""
