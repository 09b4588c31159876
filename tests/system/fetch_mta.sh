#!/bin/bash
# Mail servers from Debian that cannot be installed beside Postfix: downloaded and unpacked, not installed. fetch_mta.sh DIRECTORY
# What they link is in deps.sh.
set -eu
packages=(opensmtpd exim4-base exim4-daemon-light sendmail-bin sendmail-cf)
dir=$1
mkdir -p "$dir"
chmod 755 "$dir"
cd "$dir"
for package in "${packages[@]}"; do
    [ -e "$package.unpacked" ] && continue
    apt-get -o APT::Sandbox::User=root -q download "$package" >/dev/null
    dpkg -x "$package"_*.deb root
    rm -f "$package"_*.deb
    touch "$package.unpacked"
done
