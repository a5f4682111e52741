"""Runs the migrations on the connection that `sql_migrate.migrate` hands over."""

from alembic import context

from idp.store.sql_schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    transactional_ddl=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
