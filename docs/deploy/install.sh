#!/bin/sh
# Installs tradebot on this machine, updates it, and goes back: `make deploy`, `make rollback`. Run it as root.
#
#   /opt/tradebot/versions/VERSION-COMMIT   a version: a virtual environment with tradebot in it, its migrations, its units
#   /opt/tradebot/current                   the one that runs
#   /etc/tradebot                           config.toml and credentials/: made if they are not there, and then yours
#   /var/lib/tradebot                       the service's folder: its database and logs
#   /var/backups/tradebot                   a copy of the database from before each update and each way back
#   /usr/local/bin/tradebot                 the program, with the service's user, folder, configuration and credentials
#
# ROOT=FOLDER puts all of it below that folder, owned by whoever calls, and makes no user. YES=1 answers rollback's question.
# Without systemd (a chroot, a container) it does everything but start the service, and says so.
set -eu
umask 022
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore

root=${ROOT:-}
source=$(cd "$(dirname "$0")/../.." && pwd)
opt=$root/opt/tradebot
versions=$opt/versions
etc=$root/etc/tradebot
state=$root/var/lib/tradebot
backups=$root/var/backups/tradebot
units=$root/etc/systemd/system
keeper=root user=tradebot group=tradebot
if [ -n "$root" ]; then
    keeper=$(id -un) user=$(id -un) group=$(id -gn)
fi
ready_within_s=120
kept_versions=3
stopped=  # set while the service is stopped by us: whatever ends this script, it is started again
scratch=

say() { printf '  %s\n' "$*" || true; }  # a terminal that is gone ends no update halfway
die() { printf 'tradebot install: %s\n' "$*" >&2; exit 1; }

finish() {
    if [ -n "$stopped" ]; then
        say "starting the service again"
        timeout "$ready_within_s" systemctl start tradebot || say "it does not start: journalctl -u tradebot"
    fi
    [ -z "$scratch" ] || rm -rf "$scratch"
}

begin() {
    [ -n "$root" ] || [ "$(id -u)" = 0 ] || die "this needs root: sudo make $1"
    install -d "$versions"
    exec 9>"$opt/.lock"
    flock -n 9 || die "another make deploy or make rollback is at work"
    scratch=$(mktemp -d)
    trap finish EXIT
    trap 'exit 1' INT TERM
    trap '' HUP  # a connection that breaks: the update goes on to its end, or back
}

# --- What there is ---------------------------------------------------------------------------------------------------------------

has_systemd() { [ -d "$root/run/systemd/system" ]; }

current() { [ ! -e "$opt/current" ] || readlink -f "$opt/current"; }

turn() { cat "$1/turn" 2>/dev/null || echo 0; }  # when a version was deployed, as a number that grows; 0: it is out of the line

# "TURN FOLDER" of every version in the line, the newest first.
in_line() {
    for each in "$versions"/*/; do
        [ ! -e "${each}turn" ] || echo "$(turn "$each") ${each%/}"
    done | sort -rn
}

works() { [ -e "$1/deploy/run.txt" ] && "$1/bin/tradebot" --version >/dev/null 2>&1; }

# PROGRAM ARGUMENT... as the service would run it.
as_service() (
    cd "$state"
    export HOME="$state" CREDENTIALS_DIRECTORY="$etc/credentials" TRADEBOT_CONFIG="$etc/config.toml"
    [ "$(id -un)" = "$user" ] || exec setpriv --reuid "$user" --regid "$group" --init-groups -- "$@"
    exec "$@"
)

# The migrations that VERSION's program finds in the database; nothing without a database. Ends here if configuration or database are
# not to be had: nothing was changed by then.
applied() {
    code=0
    as_service "$1/bin/tradebot" migrate status >"$scratch/status" 2>&1 || code=$?
    case $code in
        0) sed -n 's/^\([^ ]*\)  applied .*/\1/p' "$scratch/status" ;;
        2) die "${1##*/} does not take the configuration, and nothing was changed: $(cat "$scratch/status")" ;;
        3) grep -q "there is no database" "$scratch/status" ||
            die "the database does not answer, and nothing was changed: $(cat "$scratch/status")" ;;
        *) die "${1##*/} does not work, and nothing was changed: $(cat "$scratch/status")" ;;
    esac
}

steps_of() { (cd "$1/migrations" && ls) | sed -n 's/\.up\.sql$//p'; }

# Of the migrations on stdin those that VERSION does not know, the newest first.
unknown_to() {
    while read -r step; do
        [ -e "$1/migrations/$step.up.sql" ] || echo "$step"
    done | sort -r
}

# --- A version -------------------------------------------------------------------------------------------------------------------

# One in a home folder fits nobody else: the service cannot look in there.
find_python() {
    for python in python3.13 python3.12 python3.11 python3 /usr/bin/python3.13 /usr/bin/python3.12 /usr/bin/python3.11 /usr/bin/python3; do
        home=$("$python" -c 'import sys; (3, 11) <= sys.version_info[:2] <= (3, 13) and print(sys.base_prefix)' 2>/dev/null) || home=
        case $root:$home in *: | :/root/* | :/home/*) continue ;; esac
        if [ -n "$home" ]; then
            "$python" -c 'import ensurepip, venv' 2>/dev/null ||
                die "this Python cannot make virtual environments: apt install ${python##*/}-venv"
            return
        fi
    done
    die "no Python from 3.11 to 3.13 here: apt install python3 python3-venv (Ubuntu 22.04: apt install python3.11 python3.11-venv)"
}

in_git() { git -c safe.directory="$source" -C "$source" "$@"; }

name_of_source() {
    commit=$(in_git rev-parse --short HEAD) || die "$source is no git checkout: git clone tradebot, and make deploy there"
    in_git diff --quiet HEAD || say "changes in $source that are not committed are left out"
    number=$(in_git show HEAD:pyproject.toml | sed -n 's/^version = "\(.*\)"/\1/p')
    name=$number-$commit
}

# What a version needs lies in its folder. Its last file is the lock, so that an interrupted installation is known as such.
build() {
    if works "$1"; then
        say "${1##*/} is installed already"
        return
    fi
    rm -rf "$1"
    mkdir "$scratch/source"
    in_git archive HEAD | tar -x -C "$scratch/source"
    if [ -n "$2" ] && cmp -s "$2/deploy/run.txt" "$scratch/source/requirements/run.txt" &&
        [ "$("$2/bin/python" -V 2>&1)" = "$("$python" -V)" ]; then
        say "installing ${1##*/}, with the packages of ${2##*/}: they are the same"
        "$python" -m venv --without-pip "$1"
        cp -al "$2"/lib/. "$1/lib/"
        rm -rf "$1"/lib/python*/site-packages/tradebot*
    else
        say "installing ${1##*/}, with packages that are checked against their hashes (a minute or so)"
        "$python" -m venv "$1"
        quietly "$1/bin/python" -m pip install --require-hashes --no-deps -r "$scratch/source/requirements/run.txt"
    fi
    quietly "$1/bin/python" -m pip install --no-deps --no-build-isolation "$scratch/source"
    ln -s "$(cd "$1" && echo lib/python*/site-packages/tradebot_migrations)" "$1/migrations"
    mkdir "$1/deploy"
    for file in "$scratch"/source/tradebot.service "$scratch"/source/docs/deploy/systemd/tradebot-*; do
        [ ! -e "$file" ] || cp "$file" "$1/deploy/"
    done
    cp "$scratch/source/config.toml.example" "$scratch/source/requirements/run.txt" "$1/deploy/"
    works "$1" || die "${1##*/} does not even tell its version: $("$1/bin/tradebot" --version 2>&1)"
}

quietly() { "$@" >"$scratch/log" 2>&1 || die "this failed: $*: $(cat "$scratch/log")"; }

# --- What surrounds it -----------------------------------------------------------------------------------------------------------

# 0.2.0 and before: /opt/tradebot is a checkout, and systemd makes the user. The checkout becomes a version, run where it is.
adopt_checkout() {
    [ -x "$opt/.venv/bin/python" ] && [ ! -e "$opt/current" ] || return 0
    [ "$source" != "$opt" ] ||
        die "$opt is where the old version runs: clone to another folder, such as /usr/local/src/tradebot, and make deploy there"
    old=$versions/$("$opt/.venv/bin/python" -c 'import tradebot; print(tradebot.__version__)')-checkout
    say "keeping the installation in $opt as ${old##*/}"
    mkdir -p "$old/bin" "$old/deploy"
    ln -sfn ../../migrations "$old/migrations"
    cp "$source/tradebot.service" "$old/deploy/"
    cat >"$old/bin/tradebot" <<END
#!/bin/sh
# It knows no TRADEBOT_CONFIG: the file is named on its command line, where the command has one.
if [ -n "\${TRADEBOT_CONFIG:-}" ]; then
    case " \$* " in
        "  " | " -"* | " simgateway "* | *" --config"* | *" --help "* | *" -h "*) ;;
        *) set -- "\$@" --config "\$TRADEBOT_CONFIG" ;;
    esac
    unset TRADEBOT_CONFIG
fi
exec "$opt/.venv/bin/python" -m tradebot "\$@"
END
    chmod 755 "$old/bin/tradebot"
    echo 1 >"$old/turn"
    ln -s "versions/${old##*/}" "$opt/current"
}

make_user() {
    private=$root/var/lib/private/tradebot
    # Without the link an installation was interrupted right here: the books are in there still.
    if [ -d "$private" ] && { [ ! -e "$state" ] || [ "$(readlink -f "$state")" = "$(readlink -f "$private")" ]; }; then
        # The user that systemd made has its folder there, and holds the name while the service runs.
        say "stopping the service, and moving $private to $state"
        stop_service
        rm -f "$state"
        mv "$private" "$state"
    fi
    if [ -z "$root" ] && ! grep -q "^$user:" /etc/passwd; then
        say "making the user $user, who cannot log in"
        grep -q "^$group:" /etc/group || groupadd --system "$group"
        useradd --system --gid "$group" --home-dir "$state" --no-create-home --shell /usr/sbin/nologin "$user"
    fi
    install -d -o "$user" -g "$group" -m 0700 "$state" "$backups"
    [ -z "$(find "$state" ! -user "$user" -print -quit)" ] || chown -R "$user:$group" "$state"
}

make_configuration() {
    install -d -o "$keeper" -g "$group" -m 0750 "$etc" "$etc/credentials"
    if [ ! -e "$etc/config.toml" ]; then
        say "making $etc/config.toml: everything simulated, until you change it"
        cp "$1/deploy/config.toml.example" "$etc/config.toml"
    fi
    if [ ! -e "$etc/credentials/webhook_secret" ]; then
        say "making $etc/credentials/webhook_secret"
        (umask 077 && od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$etc/credentials/webhook_secret")
    fi
    for file in "$etc/config.toml" "$etc"/.env "$etc"/credentials/*; do
        [ ! -f "$file" ] || { chown "$keeper:$group" "$file" && chmod 0640 "$file"; }
    done
}

make_command() {
    install -d "$root/usr/local/bin"
    cat >"$scratch/tradebot" <<END
#!/bin/sh
# tradebot with the service's user, folder, configuration and credentials. Made by \`make deploy\`.
cd "$state" 2>/dev/null || { echo "tradebot: this needs root: sudo tradebot \$*" >&2; exit 1; }
export HOME="$state" CREDENTIALS_DIRECTORY="$etc/credentials" TRADEBOT_CONFIG="\${TRADEBOT_CONFIG:-$etc/config.toml}"
[ "\$(id -un)" = $user ] || exec setpriv --reuid $user --regid $group --init-groups -- "$opt/current/bin/tradebot" "\$@"
exec "$opt/current/bin/tradebot" "\$@"
END
    install -m 0755 "$scratch/tradebot" "$root/usr/local/bin/tradebot"
}

# --- The service -----------------------------------------------------------------------------------------------------------------

stop_service() {
    if has_systemd && [ -e "$units/tradebot.service" ]; then
        systemctl stop tradebot
        stopped=yes
    fi
}

# Makes VERSION the current one: the link, its units, and which credentials they are given.
switch_to() {
    before_units=$(cd "$(current)/deploy" 2>/dev/null && ls -- *.service *.timer 2>/dev/null) || true
    ln -sfn "versions/${1##*/}" "$opt/.current"
    mv -T "$opt/.current" "$opt/current"
    install -d "$units"
    for unit in $before_units; do
        if [ ! -e "$1/deploy/$unit" ] && [ -e "$units/$unit" ]; then
            ! has_systemd || systemctl --quiet disable --now "$unit" || true
            rm -f "$units/$unit" "$units/$unit.d/credentials.conf"
            rmdir "$units/$unit.d" 2>/dev/null || true
        fi
    done
    for file in "$1"/deploy/*.service "$1"/deploy/*.timer; do
        [ -e "$file" ] || continue
        install -m 0644 "$file" "$units/"
        case $file in *.service) name_credentials "$units/${file##*/}.d" ;; esac
    done
    has_systemd || return 0
    systemctl daemon-reload
    systemctl --quiet enable tradebot
    for file in "$1"/deploy/*.timer; do
        [ ! -e "$file" ] || systemctl --quiet enable --now "${file##*/}" || say "${file##*/} does not start: systemctl status ${file##*/}"
    done
}

name_credentials() {
    install -d "$1"
    {
        echo "# Made by \`make deploy\`: a line for each file in /etc/tradebot/credentials."
        echo "[Service]"
        for file in "$etc"/credentials/*; do
            [ ! -f "$file" ] || echo "LoadCredential=${file##*/}:/etc/tradebot/credentials/${file##*/}"
        done
    } >"$1/credentials.conf"
}

# True when the service says that it is ready.
start_service() {
    stopped=
    timeout "$ready_within_s" systemctl restart tradebot
}

# By the first of these versions that can.
backup() {
    for program in "$@"; do
        say "making a backup in $backups"
        if as_service "$program/bin/tradebot" backup "$backups" >"$scratch/log" 2>&1; then
            return
        fi
        grep -q "No such command" "$scratch/log" || die "there is no backup, so nothing was changed: $(cat "$scratch/log")"
        say "${program##*/} cannot make a backup itself"
    done
    die "no version here can make a backup, so nothing was changed"
}

# Undoes with VERSION's program its newest N migrations.
migrate_down() {
    [ "$2" = 0 ] || as_service "$1/bin/tradebot" migrate down --steps "$2" --yes
}

# Back from VERSION, which does not become ready, to the one BEFORE.
go_back() {
    say "${1##*/} did not become ready:"
    journalctl --unit tradebot --lines 15 --no-pager --output cat 2>/dev/null || true
    [ -n "$2" ] && [ "$2" != "$1" ] ||
        die "systemd goes on trying to start it. See what it says (journalctl -u tradebot), correct it and make deploy again, or make rollback"
    systemctl stop tradebot
    if [ -n "$(steps_of "$1" | unknown_to "$2")" ]; then
        stopped=yes
        applied "$1" >"$scratch/applied"
        unknown_to "$2" <"$scratch/applied" >"$scratch/beyond"
        migrate_down "$1" "$(wc -l <"$scratch/beyond")" ||
            die "the database cannot go back to what ${2##*/} knows, so ${1##*/} stays: journalctl -u tradebot says what it lacks"
    fi
    switch_to "$2"
    start_service || die "${2##*/} does not become ready either: journalctl -u tradebot"
    say "${2##*/} runs again"
}

# --- Deploy ----------------------------------------------------------------------------------------------------------------------

deploy() {
    begin deploy
    find_python
    name_of_source
    new=$versions/$name
    adopt_checkout
    before=$(current)
    build "$new" "$before"
    make_user
    make_configuration "$new"
    applied "$new" >"$scratch/applied"
    beyond=$(unknown_to "$new" <"$scratch/applied" | tr '\n' ' ')
    [ -z "$beyond" ] || die "the database is newer than $name (it has $beyond): go back with make rollback"
    if [ -s "$scratch/applied" ]; then
        backup "${before:-$new}" "$new"
    fi
    echo $(($(in_line | sed -n '1s/ .*//p') + 1)) >"$new/turn"
    switch_to "$new"
    make_command
    if ! has_systemd; then
        say "there is no systemd here. Start the daemon by hand, in place of one that runs: tradebot run"
    elif start_service; then
        say "$name runs: tradebot status, journalctl -u tradebot"
    else
        go_back "$new" "$before"
        rm -rf "$new"
        die "$name was taken away again, and nothing of yours was lost"
    fi
    prune
}

# The last three that were deployed stay. One that a rollback left is out of the line, and goes with the next update.
prune() {
    for each in "$versions"/*/; do
        [ -e "${each}turn" ] || rm -rf "$each"
    done
    in_line | sed "1,${kept_versions}d" | while read -r _ folder; do
        say "removing ${folder##*/}: the last $kept_versions versions are kept"
        rm -rf "$folder"
    done
}

# --- Rollback --------------------------------------------------------------------------------------------------------------------

rollback() {
    begin rollback
    now=$(current)
    [ -n "$now" ] || die "nothing is installed: make deploy"
    earlier=$(in_line | while read -r number folder; do
        [ "$number" -ge "$(turn "$now")" ] || { echo "$folder" && break; }
    done)
    [ -n "$earlier" ] || die "there is no version before ${now##*/}"
    applied "$earlier" >/dev/null
    applied "$now" >"$scratch/applied"
    unknown_to "$earlier" <"$scratch/applied" >"$scratch/beyond"
    say "from ${now##*/} back to ${earlier##*/}"
    say_what_is_lost
    [ "${YES:-}" = 1 ] || ask
    [ ! -s "$scratch/applied" ] || backup "$now" "$earlier"
    stop_service
    migrate_down "$now" "$(wc -l <"$scratch/beyond")" || die "the database cannot go back, so ${now##*/} stays"
    switch_to "$earlier"
    if ! has_systemd; then
        say "there is no systemd here. Start the daemon by hand: tradebot run"
    elif start_service; then
        say "${earlier##*/} runs: tradebot status, journalctl -u tradebot"
    else
        go_back "$earlier" "$now"
        die "so nothing has changed: ${earlier##*/} does not run here"
    fi
    rm "$now/turn"
}

say_what_is_lost() {
    if [ ! -s "$scratch/beyond" ]; then
        say "both have the same tables: nothing is lost"
    fi
    while read -r step; do
        say "undoing $step in the database:"
        sed -n '/^-- /!q; s/^-- /      /p' "$now/migrations/$step.down.sql"
    done <"$scratch/beyond"
}

ask() {
    printf '  go back? [y/N] '
    read -r answer || answer=
    case $answer in y | Y | yes) ;; *) die "nothing was changed" ;; esac
}

case ${1:-} in
    deploy) deploy ;;
    rollback) rollback ;;
    *) die "usage: install.sh deploy | rollback" ;;
esac
