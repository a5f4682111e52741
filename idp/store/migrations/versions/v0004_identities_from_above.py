"""People whose identity comes from a source, and the sessions that began there.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two tables: an identity has one subject, and a session one beginning."""
    op.create_table(
        "upstream_identity",
        sa.Column("issuer", sa.Text, primary_key=True),
        sa.Column("sub_digest", sa.LargeBinary, primary_key=True),
        sa.Column("subject_id", sa.Text, sa.ForeignKey("subject.id"), nullable=False),
        sa.Column("number_digest", sa.LargeBinary),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("last_seen_at", sa.BigInteger, nullable=False),
    )
    op.create_index("upstream_identity_subject", "upstream_identity", ["subject_id"])
    op.create_table(
        "upstream_session",
        sa.Column("sid", sa.Text, primary_key=True),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("subject_id", sa.Text, sa.ForeignKey("subject.id"), nullable=False),
        sa.Column("sub_digest", sa.LargeBinary, nullable=False),
        sa.Column("sid_digest", sa.LargeBinary),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("upstream_session_subject", "upstream_session", ["issuer", "sub_digest"])
    op.create_index("upstream_session_there", "upstream_session", ["issuer", "sid_digest"])
    op.create_index("upstream_session_expires_at", "upstream_session", ["expires_at"])


def downgrade() -> None:
    """As before."""
    op.drop_table("upstream_session")
    op.drop_table("upstream_identity")
