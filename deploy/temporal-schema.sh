#!/bin/sh
# Brings Temporal's two databases to the schema of this server version. Twice is the same as once.
set -eu
schema() {
  database=$1 folder=$2
  tool="temporal-sql-tool --plugin postgres12 --ep postgres -p 5432 -u temporal --db $database"
  # Only in an empty database: set-up writes version 0.0, from which every update would start again.
  $tool update-schema -d "/etc/temporal/schema/postgresql/v12/$folder/versioned" && return
  $tool setup-schema -v 0.0
  $tool update-schema -d "/etc/temporal/schema/postgresql/v12/$folder/versioned"
}
schema temporal temporal
schema temporal_visibility visibility
