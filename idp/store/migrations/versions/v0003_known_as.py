"""A participant may know a session by a name of its own, and by several of them.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


_SID_AND_PARTICIPANT = ["sid", "participant"]


def upgrade() -> None:
    """What was there before keeps the empty name."""
    for table in ("participation", "notice"):
        column = sa.Column("known_as", sa.Text(), nullable=False, server_default="")
        op.add_column(table, column)
    _keyed_by([*_SID_AND_PARTICIPANT, "known_as"])


def downgrade() -> None:
    """As before; of several names of one session, the one that comes first stays."""
    for table in ("participation", "notice"):
        op.execute(
            f"DELETE FROM {table} WHERE EXISTS (SELECT 1 FROM {table} other"
            f" WHERE other.sid = {table}.sid AND other.participant = {table}.participant"
            f" AND other.known_as < {table}.known_as)"
        )
    _keyed_by(_SID_AND_PARTICIPANT)
    for table in ("participation", "notice"):
        with op.batch_alter_table(table) as batch:
            batch.drop_column("known_as")


def _keyed_by(columns: list[str]) -> None:
    with op.batch_alter_table("notice") as batch:
        batch.drop_constraint("notice_once", type_="unique")
        batch.create_unique_constraint("notice_once", columns)
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("participation_pkey", "participation", type_="primary")
        op.create_primary_key("participation_pkey", "participation", columns)
    else:
        _written_anew(columns)


def _written_anew(columns: list[str]) -> None:
    """SQLite cannot give a table another primary key."""
    op.drop_index("participation_joined_at", table_name="participation")
    op.rename_table("participation", "participation_before")
    op.create_table(
        "participation",
        sa.Column("sid", sa.Text(), nullable=False),
        sa.Column("participant", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("sub", sa.Text(), nullable=False),
        sa.Column("joined_at", sa.BigInteger(), nullable=False),
        sa.Column("known_as", sa.Text(), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint(*columns),
    )
    names = "sid, participant, subject_id, sub, joined_at, known_as"
    op.execute(f"INSERT INTO participation ({names}) SELECT {names} FROM participation_before")
    op.drop_table("participation_before")
    op.create_index("participation_joined_at", "participation", ["joined_at"])
