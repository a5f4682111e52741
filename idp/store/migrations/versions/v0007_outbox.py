"""What systems are told, in one order for each system.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
WAITING = sa.text("settled_at IS NULL AND dead_at IS NULL")


def upgrade() -> None:
    """A lane for each system, and the messages in it."""
    op.create_table(
        "outbox_lane",
        sa.Column("system_id", sa.Text, primary_key=True),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("leased_until", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("holder", sa.Text),
        sa.Column("due_at", sa.BigInteger, nullable=False, server_default="0"),
    )
    op.create_table(
        "outbox",
        sa.Column("system_id", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject_id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text),
        sa.Column("sid", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("reason", sa.Text),
        sa.Column("settled_at", sa.BigInteger),
        sa.Column("dead_at", sa.BigInteger),
    )
    op.create_index(
        "outbox_waiting",
        "outbox",
        ["system_id", "number"],
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )
    op.create_index("outbox_settled_at", "outbox", ["settled_at"])


def downgrade() -> None:
    """As before."""
    op.drop_table("outbox")
    op.drop_table("outbox_lane")
