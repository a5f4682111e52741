"""Accounts and groups that staff registers push by SCIM; the sessions of one subject are found.

Revision ID: 0006
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None
OFFLINE = "offline = 1"
AT_HOME = "participant = ''"


def upgrade() -> None:
    """Add what a connector made, who is in its groups, and the indexes by subject."""
    op.create_table(
        "scim_resource",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text()),
        sa.Column("external_digest", sa.LargeBinary()),
        sa.Column("document_sealed", sa.LargeBinary()),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("subject_id"),
    )
    op.create_index(
        "scim_resource_listed", "scim_resource", ["connector", "kind", "created_at", "id"]
    )
    op.create_index("scim_resource_external", "scim_resource", ["connector", "external_digest"])
    op.create_table(
        "scim_member",
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["scim_resource.id"]),
        sa.ForeignKeyConstraint(["user_id"], ["scim_resource.id"]),
        sa.PrimaryKeyConstraint("group_id", "user_id"),
    )
    op.create_index("scim_member_user", "scim_member", ["user_id"])
    # Only what is looked for by its subject: ordinary sign-ons pay for no index.
    op.create_index(
        "family_offline_subject",
        "family",
        ["subject_id"],
        sqlite_where=sa.text(OFFLINE),
        postgresql_where=sa.text(OFFLINE),
    )
    op.create_index(
        "participation_at_home",
        "participation",
        ["subject_id"],
        sqlite_where=sa.text(AT_HOME),
        postgresql_where=sa.text(AT_HOME),
    )


def downgrade() -> None:
    """As before."""
    op.drop_index("participation_at_home", table_name="participation")
    op.drop_index("family_offline_subject", table_name="family")
    op.drop_table("scim_member")
    op.drop_table("scim_resource")
