#!/bin/sh
# Makes what compose.yaml mounts, beside it, and changes nothing that is there: random secrets, and a folder for the gateway's settings.
# Run as root. One secret is yours to write, and stays empty here: tws_password, the one of your login at IB.
set -eu
cd "$(dirname "$0")"

# The folder is closed to others, its files are not: each container reads its own as its own user.
mkdir -p secrets
chmod 0700 secrets

random() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }
secret() { # secret NAME TEXT
    [ -e "secrets/$1" ] || printf '%s' "$2" > "secrets/$1"
    chmod 0444 "secrets/$1"
}

secret webhook_secret "$(random 32)"
secret postgres_password "$(random 24)"
secret database_url "postgresql://tradebot:$(cat secrets/postgres_password)@postgres/tradebot"
secret redis_password "$(random 24)"
secret redis.conf "requirepass $(cat secrets/redis_password)
"
secret queue_url "redis://:$(cat secrets/redis_password)@redis:6379/0"
secret vnc_password "$(random 4)" # VNC looks at eight characters only: it is reached through ssh alone
secret tws_password ""

[ -e config.toml ] || cp ../../config.toml.example config.toml
[ -e .env ] || cp .env.example .env

# The gateway's settings, by its user in the image (1000): what you tick there outlives the container.
mkdir -p ib-gateway-settings
[ "$(id -u)" -ne 0 ] || chown 1000:1000 ib-gateway-settings
