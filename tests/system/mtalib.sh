# shellcheck shell=bash
# Mail servers that are not installed, in a machine of their own: network and mount namespaces in which /usr also holds what fetch_mta.sh
# unpacked, and nothing that is written outside $WORK stays. Sourced after lib.sh.

MTA=${ZEGEL_MTA:-/var/cache/zegel-mta}

own_machine() { # ARGUMENTS: once more, in a machine of our own, as root
    need_root "$@"
    [ -n "${ZEGEL_MACHINE:-}" ] && return
    [ -e "$MTA/sendmail-cf.unpacked" ] || skip "no mail servers in $MTA: run 'make deps'"
    unshare -mnu true 2>/dev/null || skip "namespaces are not permitted here"
    ZEGEL_MACHINE=1 exec unshare -mnu "$0" "$@"
}

# After make_work_dir. 192.0.2.1 is the machine's other address; mail from 192.0.2.0/24 is from a trusted network.
furnish_machine() {
    local user id=60001 dir
    mount --make-rprivate /
    mount -t overlay overlay -o "lowerdir=$MTA/root/usr:/usr" /usr || skip "overlays are not permitted here"
    cp /etc/passwd /etc/group "$WORK/"
    for user in opensmtpd opensmtpq Debian-exim smmta smmsp; do
        grep -q "^$user:" "$WORK/passwd" || echo "$user:x:$id:$id::/nonexistent:/usr/sbin/nologin" >>"$WORK/passwd"
        grep -q "^$user:" "$WORK/group" || echo "$user:x:$id:" >>"$WORK/group"
        id=$((id + 1))
    done
    mount --bind "$WORK/passwd" /etc/passwd
    mount --bind "$WORK/group" /etc/group
    hostname mail.example.nl
    echo '127.0.0.1 localhost mail.example.nl' >"$WORK/hosts"
    echo 'nameserver 127.0.0.1' >"$WORK/resolv.conf" # nobody there: an answer at once
    mount --bind "$WORK/hosts" /etc/hosts
    mount --bind "$WORK/resolv.conf" /etc/resolv.conf
    for dir in /var/spool /var/lib /run; do mount -t tmpfs tmpfs "$dir"; done
    ip link set lo up
    ip address add 192.0.2.1/24 dev lo
    ip address add 198.51.100.1/24 dev lo
}

# The next server, which keeps what it gets in $WORK/sink/N
start_sink() {
    SINK_PORT=$(free_port)
    mkdir "$WORK/sink"
    start sink "$PYTHON" "$SYSTEM/sink.py" 127.0.0.1 "$SINK_PORT" "$WORK/sink"
    wait_for 30 port_open "$SINK_PORT" || die "the sink does not listen"
}
sunk() { # ID: the file of that message, as the next server got it
    local file
    file=$(grep -lrF -e "<$1@" "$WORK/sink" 2>/dev/null | grep -v '\.new$' | head -n 1)
    [ -n "$file" ] && echo "$file"
}

# zegeld with the token and both keys; front ends get $WORK/run/NAME.sock
start_signing() { # SOCKET-NAME...
    local name
    # shellcheck disable=SC2119 # its options are its own
    write_zegel_config --trusted 192.0.2.0/24
    mkdir -p "$WORK/run"
    chmod 755 "$WORK/run"
    for name in "$@"; do sed -i "s|^listen:|listen:\n  - unix:$WORK/run/$name.sock|" "$WORK/zegel.yaml"; done
    start_softhsm_token >/dev/null || die "no token"
    generate_keys >/dev/null || die "no keys"
    start_knot
    start_zegeld
}

# A certificate of mail.example.nl, and its key, for who offers TLS.
make_certificate() { # KIND of key, as openssl's -newkey has it: $WORK/tls.pem, $WORK/tls.key
    openssl req -x509 -newkey "$1" -nodes -keyout "$WORK/tls.key" -out "$WORK/tls.pem" -days 2 -subj /CN=mail.example.nl 2>/dev/null || die "openssl"
    chmod 600 "$WORK/tls.key"
}

message() { # FROM ID [MORE-HEADER]
    printf 'From: %s\nTo: inbox@example.org\nSubject: %s\nDate: Wed, 25 Nov 2026 12:00:00 +0000\nMessage-ID: <%s@example.nl>\n%s\nOne line.\n.\n..two dots\n  trailing  \n\n' "$1" "$2" "$2" "${3:+$3
}"
}

is_signed() { # NAME ID: it arrived, signed by both keys
    local file why
    file=$(wait_for "${WAIT:-20}" sunk "$2" >/dev/null && sunk "$2")
    if [ -z "$file" ]; then not_ok "$1" "$2 did not arrive"; return; fi
    if why=$(signed_by_both "$file"); then ok "$1"; else not_ok "$1" "$why"; fi
}
is_unsigned() { # NAME ID: it arrived, untouched
    local file
    file=$(wait_for "${WAIT:-20}" sunk "$2" >/dev/null && sunk "$2")
    if [ -n "$file" ] && unsigned "$file"; then ok "$1"; else not_ok "$1" "${file:-did not arrive}"; fi
}
shut_in() { # PROGRAM: each process of $WORK/PROGRAM has a seccomp filter and gains no privileges (sanitizer builds have neither)
    local exe seen=0 state
    if nm "$BUILD/$1" | grep -qE ' __[at]san_init$'; then return; fi
    while read -r exe; do
        state=$(awk '/^(NoNewPrivs|Seccomp):/ { printf "%s ", $2 }' "${exe%exe}status")
        seen=$((seen + 1))
        [ "$state" = "1 2 " ] || { not_ok "$1 is shut in" "NoNewPrivs, Seccomp: $state"; return; }
    done < <(find /proc/[0-9]*/exe -maxdepth 0 -lname "$WORK/$1" 2>/dev/null)
    if [ "$seen" -gt 0 ]; then ok "$1 is shut in"; else not_ok "$1 is shut in" "no such process"; fi
}
message_id() { # FILE: the part before the "@"
    tr -s '\n\t ' ' ' <"$1" | grep -oi 'message-id: *<[^@]*' | head -n 1 | sed 's/.*<//'
}

# ---- who may send as whom; each test has a submit FILE SOURCE [LOGIN] of its own, which prints the answer

expect_answer() { # NAME PATTERN ANSWER
    # shellcheck disable=SC2053 # a pattern
    if [[ $3 == $2 ]]; then ok "$1: $3"; else not_ok "$1" "$3, not $2"; fi
}
# The accounts piet@example.nl and jan@example.org are there, with the password "geheim".
senders_are_told_apart() {
    message piet@example.nl network >m
    expect_answer "from a trusted network" "250 *" "$(submit m 192.0.2.1)"
    is_signed "it is signed" network
    message piet@example.nl stranger >m
    expect_answer "a stranger" "250 *" "$(submit m 198.51.100.1)"
    is_unsigned "his mail is not signed" stranger
    message piet@example.nl account >m
    expect_answer "a stranger who is authenticated" "250 *" "$(submit m 198.51.100.1 'piet@example.nl geheim')"
    is_signed "his mail is signed" account
    message piet@example.nl other >m
    expect_answer "another domain's user" "550 5.7.1 Not authorised*" "$(submit m 198.51.100.1 'jan@example.org geheim')"
    message piet@example.nl wrong >m
    expect_answer "a wrong password" "535 *" "$(submit m 198.51.100.1 'piet@example.nl geheimer')"
}
