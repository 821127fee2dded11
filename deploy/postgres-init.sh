#!/bin/sh
# Run once, by the first start of the postgres image: a role and its databases for Mailferry and for Temporal, each without rights
# on the other's.
set -eu
psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" \
  --set mailferry_password="$MAILFERRY_DB_PASSWORD" --set temporal_password="$TEMPORAL_DB_PASSWORD" <<'SQL'
CREATE ROLE mailferry LOGIN PASSWORD :'mailferry_password';
CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';
CREATE DATABASE mailferry OWNER mailferry TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
REVOKE CONNECT ON DATABASE mailferry, temporal, temporal_visibility FROM PUBLIC;
SQL
