"""What is over is found by its age, so that it can be swept a little at a time.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index ended sessions and participations by their time."""
    op.create_index("session_end_ended_at", "session_end", ["ended_at"])
    op.create_index("participation_joined_at", "participation", ["joined_at"])


def downgrade() -> None:
    """As before."""
    op.drop_index("participation_joined_at", table_name="participation")
    op.drop_index("session_end_ended_at", table_name="session_end")
