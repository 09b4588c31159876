#!/bin/bash
# Inside the bare Debian of test_deb.sh: the first hour of an operator with SoftHSM, as the handbook tells it, without systemd.
set -eu
as_zegel() { setpriv --reuid=zegel --regid=zegel --init-groups --inh-caps=-all -- "$@"; }

install -d -o zegel -g zegel -m 700 /var/lib/zegel
usermod -a -G softhsm zegel
mkdir -p /etc/zegel
cp /usr/share/doc/zegel/examples/zegel.yaml /etc/zegel/zegel.yaml
zegeld --check
sed -i 's|unix:/run/zegel/milter.sock|inet:8891@127.0.0.1|' /etc/zegel/zegel.yaml
for name in pin so-pin; do
    od -An -N8 -tu8 /dev/urandom | tr -d ' ' >/etc/zegel/$name
    chown zegel /etc/zegel/$name
    chmod 400 /etc/zegel/$name
done
as_zegel zegel token init --token softhsm --label zegel --so-pin-file /etc/zegel/so-pin
as_zegel zegel key generate --domain example.nl --selector z2026q4r --algorithm rsa2048
as_zegel zegel key generate --domain example.nl --selector z2026q4e --algorithm ed25519
as_zegel zegel dns record >/tmp/zone

# As the unit starts it: user zegel, no capability. Then as root does without systemd, with a user for each process.
for way in unit root; do
    if [ "$way" = unit ]; then
        setpriv --reuid=zegel --regid=zegel --init-groups --inh-caps=-all -- zegeld >"/tmp/zegeld.$way" 2>&1 &
    else
        echo 'users: {milter: zegel, signer: zegel, token: zegel}' >>/etc/zegel/zegel.yaml
        zegeld >"/tmp/zegeld.$way" 2>&1 &
    fi
    zegeld=$!
    left=100
    until grep -q ready: "/tmp/zegeld.$way"; do
        left=$((left - 1))
        if [ "$left" -eq 0 ] || ! kill -0 "$zegeld" 2>/dev/null; then cat "/tmp/zegeld.$way"; exit 1; fi
        sleep 0.1
    done
    LOAD_MESSAGES=20 /usr/local/bin/load 127.0.0.1 8891 2 60 2000 2 >"/tmp/load.$way" || { cat "/tmp/load.$way" "/tmp/zegeld.$way"; exit 1; }
    kill "$zegeld"
    wait "$zegeld" || { cat "/tmp/zegeld.$way"; exit 1; }
    echo "ok   zegeld started as $way does: $(awk '{ print $5 }' "/tmp/load.$way") messages, each with both signatures"
done

printf 'From: a@example.nl\nSubject: first hour\n\nHello.\n' | as_zegel zegel sign >/tmp/signed
zegel verify --zone /tmp/zone </tmp/signed
