"""Passwords that people have for one system each, where it cannot send them here.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A password of one person for one system, known by its keyed digest."""
    op.create_table(
        "app_password",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("subject_id", sa.Text, sa.ForeignKey("subject.id"), nullable=False),
        sa.Column("system_id", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("label_sealed", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("last_used_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
    )
    op.create_index("app_password_subject", "app_password", ["subject_id", "system_id"])


def downgrade() -> None:
    """As before."""
    op.drop_table("app_password")
