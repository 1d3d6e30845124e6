#!/bin/sh
# Makes the secrets that compose.yaml mounts, once; what is there already stays as it is.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
cd secrets
random() { head -c "$1" /dev/urandom | base64 | tr -d '\n=' | tr '+/' '-_'; }
[ -s redis-password ] || random 24 > redis-password
[ -s postgres-password ] || random 24 > postgres-password
[ -s keys ] || printf '0:%s' "$(random 32)" > keys
printf 'redis://:%s@redis:6379' "$(cat redis-password)" > store
printf 'postgres://coatcheck:%s@postgres:5432/coatcheck' "$(cat postgres-password)" > database
# Containers read them as other users than the one who made them.
chmod 644 ./*
chmod 700 .
