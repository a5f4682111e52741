"""Runs the migrations on the connection that `sql_migrate.migrate` hands over.

Why no metadata here: a released migration must not change its meaning with today's code.
"""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    transactional_ddl=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
