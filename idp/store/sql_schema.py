"""Every table, as SQLAlchemy Core metadata: the schema that the migrations must arrive at."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()
OFFLINE = "offline = 1"
AT_HOME = "participant = ''"
HOLDING = "state IN ('verified', 'active', 'disputed', 'suspended')"
WAITING = "settled_at IS NULL AND dead_at IS NULL"

subject = Table(
    "subject",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("enabled", Integer, nullable=False),
    Column("username_digest", LargeBinary, unique=True),
    Column("username_sealed", LargeBinary),
    Column("password_hash", Text),
    Column("totp_sealed", LargeBinary),
    Column("totp_last_step", BigInteger, nullable=False, server_default="0"),
    Column("attributes_sealed", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)
pairwise = Table(
    "pairwise",
    metadata,
    Column("subject_id", Text, ForeignKey("subject.id"), primary_key=True),
    Column("sector_id", Text, primary_key=True),
    Column("sub", Text, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
)
consent = Table(
    "consent",
    metadata,
    Column("subject_id", Text, ForeignKey("subject.id"), primary_key=True),
    Column("client_id", Text, primary_key=True),
    Column("scopes", Text, nullable=False),
    Column("granted_at", BigInteger, nullable=False),
)
family = Table(
    "family",
    metadata,
    Column("id", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("subject_id", Text, ForeignKey("subject.id"), nullable=False),
    Column("sub", Text, nullable=False),
    Column("sid", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("claims_request", Text, nullable=False),
    Column("assurance", Integer, nullable=False),
    Column("amr", Text, nullable=False),
    Column("authenticated_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("refreshable", Integer, nullable=False),
    Column("offline", Integer, nullable=False),
    Column("generation", BigInteger, nullable=False, server_default="0"),
    Column("rotated_at_ms", BigInteger, nullable=False, server_default="0"),
    Column("revoked_at", BigInteger),
    Column("revoked_reason", Text),
    Index("family_sid", "sid"),
    Index(
        "family_offline_subject",
        "subject_id",
        sqlite_where=text(OFFLINE),
        postgresql_where=text(OFFLINE),
    ),
)
fence = Table(
    "fence",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("expires_at", BigInteger, nullable=False),
    Index("fence_expires_at", "expires_at"),
)
session_end = Table(
    "session_end",
    metadata,
    Column("sid", Text, primary_key=True),
    Column("subject_id", Text, nullable=False),
    Column("ended_at", BigInteger, nullable=False),
    Index("session_end_ended_at", "ended_at"),
)
participation = Table(
    "participation",
    metadata,
    Column("sid", Text, primary_key=True),
    Column("participant", Text, primary_key=True),
    Column("subject_id", Text, nullable=False),
    Column("sub", Text, nullable=False),
    Column("joined_at", BigInteger, nullable=False),
    Column("known_as", Text, primary_key=True, server_default=""),
    Index("participation_joined_at", "joined_at"),
    Index(
        "participation_at_home",
        "subject_id",
        sqlite_where=text(AT_HOME),
        postgresql_where=text(AT_HOME),
    ),
)
notice = Table(
    "notice",
    metadata,
    Column("id", Text, primary_key=True),
    Column("participant", Text, nullable=False),
    Column("sub", Text, nullable=False),
    Column("sid", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("delivered_at", BigInteger),
    Column("dead_at", BigInteger),
    Column("known_as", Text, nullable=False, server_default=""),
    UniqueConstraint("sid", "participant", "known_as", name="notice_once"),
    Index("notice_due", "due_at"),
)
upstream_identity = Table(
    "upstream_identity",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("sub_digest", LargeBinary, primary_key=True),
    Column("subject_id", Text, ForeignKey("subject.id"), nullable=False),
    Column("number_digest", LargeBinary),
    Column("created_at", BigInteger, nullable=False),
    Column("last_seen_at", BigInteger, nullable=False),
    Index("upstream_identity_subject", "subject_id"),
)
upstream_session = Table(
    "upstream_session",
    metadata,
    Column("sid", Text, primary_key=True),
    Column("issuer", Text, nullable=False),
    Column("subject_id", Text, ForeignKey("subject.id"), nullable=False),
    Column("sub_digest", LargeBinary, nullable=False),
    Column("sid_digest", LargeBinary),
    Column("expires_at", BigInteger, nullable=False),
    Index("upstream_session_subject", "issuer", "sub_digest"),
    Index("upstream_session_there", "issuer", "sid_digest"),
    Index("upstream_session_expires_at", "expires_at"),
)
link = Table(
    "link",
    metadata,
    Column("id", Text, primary_key=True),
    Column("subject_id", Text, ForeignKey("subject.id"), nullable=False),
    Column("system_id", Text, nullable=False),
    Column("account_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Index(
        "link_one_holder",
        "system_id",
        "account_id",
        unique=True,
        sqlite_where=text(HOLDING),
        postgresql_where=text(HOLDING),
    ),
    Index("link_subject", "subject_id", "system_id"),
)
link_transition = Table(
    "link_transition",
    metadata,
    Column("id", Text, primary_key=True),
    Column("link_id", Text, ForeignKey("link.id"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("from_state", Text),
    Column("to_state", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Index("link_transition_link", "link_id"),
)
outbox_lane = Table(
    "outbox_lane",
    metadata,
    Column("system_id", Text, primary_key=True),
    Column("last", BigInteger, nullable=False),
    Column("leased_until", BigInteger, nullable=False, server_default="0"),
    Column("holder", Text),
    Column("due_at", BigInteger, nullable=False, server_default="0"),
)
outbox = Table(
    "outbox",
    metadata,
    Column("system_id", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("account_id", Text),
    Column("sid", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("reason", Text),
    Column("settled_at", BigInteger),
    Column("dead_at", BigInteger),
    Index(
        "outbox_waiting",
        "system_id",
        "number",
        sqlite_where=text(WAITING),
        postgresql_where=text(WAITING),
    ),
    Index("outbox_settled_at", "settled_at"),
)
scim_resource = Table(
    "scim_resource",
    metadata,
    Column("id", Text, primary_key=True),
    Column("connector", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject_id", Text, ForeignKey("subject.id"), unique=True),
    Column("external_digest", LargeBinary),
    Column("document_sealed", LargeBinary),
    Column("version", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger),
    Index("scim_resource_listed", "connector", "kind", "created_at", "id"),
    Index("scim_resource_external", "connector", "external_digest"),
)
scim_member = Table(
    "scim_member",
    metadata,
    Column("group_id", Text, ForeignKey("scim_resource.id"), primary_key=True),
    Column("user_id", Text, ForeignKey("scim_resource.id"), primary_key=True),
    Index("scim_member_user", "user_id"),
)
key_ring = Table(
    "key_ring",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)
audit_record = Table(
    "audit_record",
    metadata,
    Column("chain", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("event", Text, nullable=False),
    Column("fields", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
)
audit_head = Table(
    "audit_head",
    metadata,
    Column("chain", Text, primary_key=True),
    Column("number", BigInteger, nullable=False, unique=True),
    Column("seq", BigInteger, nullable=False),
    Column("last", Text, nullable=False),
    Column("mark", Text, nullable=False),
)
audit_register = Table(
    "audit_register",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("chains", BigInteger, nullable=False),
    Column("mark", Text, nullable=False),
)
