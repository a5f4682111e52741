"""The first tables.

Revision ID: 0001
Revises:
"""

from alembic import op

from idp.store.sql_schema import metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table of the first release."""
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    """Drop them all."""
    metadata.drop_all(op.get_bind())
