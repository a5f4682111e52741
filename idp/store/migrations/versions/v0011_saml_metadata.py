"""Newer metadata of service providers, as it was fetched and found to be signed.

Revision ID: 0011
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A row for each system: the newest document, and when somebody asks for the next."""
    op.create_table(
        "saml_metadata",
        sa.Column("system_id", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("document", sa.LargeBinary),
        sa.Column("etag", sa.Text),
        sa.Column("last_modified", sa.Text),
        sa.Column("valid_until", sa.BigInteger),
        sa.Column("fetched_at", sa.BigInteger),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("failed_at", sa.BigInteger),
        sa.Column("failure", sa.Text),
    )


def downgrade() -> None:
    """As before."""
    op.drop_table("saml_metadata")
