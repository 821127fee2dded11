#!/bin/sh
# Makes the namespace and the search attributes that Mailferry's workflows carry. Twice is the same as once.
set -eu
temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 90d

# A new namespace is unknown to parts of the server for up to ten seconds (measured with 1.32.0).
tries=0
until known=$(temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE" 2>/dev/null); do
  tries=$((tries + 1))
  [ "$tries" -lt 30 ] || { echo "namespace $TEMPORAL_NAMESPACE does not answer" >&2; exit 1; }
  sleep 2
done
while read -r name type; do
  case $name in '' | '#'*) continue ;; esac
  echo "$known" | grep -Eq "(^|[^A-Za-z])$name([^A-Za-z]|\$)" ||
    temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name "$name" --type "$type"
done <"$(dirname "$0")/search-attributes.txt"
