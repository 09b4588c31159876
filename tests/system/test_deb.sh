#!/bin/bash
# make deb: the packages are the same octets from two directories, lintian finds nothing, and on a bare Debian 12 made by
# debootstrap they install without a question, zegeld signs as packaged, also as a service of the tree's own systemd, which upgrades it
# under load, and a purge leaves nothing of ours.
set -eu -o pipefail
. "$(dirname "$0")/lib.sh"

need_root "$@"
needs debootstrap lintian dpkg-buildpackage systemd-nspawn
! grep -q '__[at]san_init' < <(nm "$BUILD/zegel-milter") || { echo "packages are built without sanitizers"; exit 0; }
make_work_dir
TREE=$WORK/tree

two_builds() {
    local copy=$WORK/another/place
    mkdir -p "$copy"
    (cd "$ROOT" && git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents --no-dereference -t "$copy")
    make -s -C "$ROOT" BUILD="$WORK/one" deb >/dev/null
    make -s -C "$copy" BUILD=two deb >/dev/null
    local deb
    for deb in "$WORK"/one/*.deb; do
        cmp "$deb" "$copy/two/${deb##*/}" || die "${deb##*/} differs when it is built elsewhere"
    done
    echo "ok   two builds in two directories: $(find "$WORK/one" -maxdepth 1 -name '*.deb' | wc -l) packages, the same octets"
}

lint_packages() {
    local said
    said=$(lintian --allow-root --display-level '>=warning' "$WORK"/one/*.changes 2>&1 | grep -E '^[EW]:' || true)
    [ -z "$said" ] || { echo "$said"; die "lintian is not content"; }
    echo "ok   lintian: nothing to say"
}

# in_tree [--net] COMMAND...: in the tree, which sees its own /proc and /dev and ends with all it started; --net: on a loopback of its own
in_tree() {
    local own=()
    if [ "$1" = --net ]; then own=(--net); shift; fi
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --mount --pid --fork --kill-child "${own[@]}" bash -c '
        ip link set lo up && mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && mount -t tmpfs tmpfs "$0/run" &&
        mkdir -p "$0/run/zegel" && exec chroot "$0" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive "${@}"' "$TREE" "$@"
}

# The next version: other files, and as the next release would have it a higher number.
newer_package() {
    local files=$WORK/newer program
    dpkg-deb -R "$TREE"/debs/zegel_*.deb "$files"
    sed -i 's/^Version: .*/&+newer/' "$files/DEBIAN/control"
    for program in "$files"/usr/sbin/zegeld "$files"/usr/libexec/zegel/*; do echo newer >>"$program"; done
    dpkg-deb -Znone --build "$files" "$TREE/newer.deb" >/dev/null
}

# The tree boots its own systemd, in namespaces, which runs deb_systemd.sh and ends. nspawn refuses the two sandboxes that zegeld's processes
# want of the kernel unless told.
booted() {
    cp "$SYSTEM/deb_systemd.sh" "$TREE/usr/local/bin/"
    rm "$TREE/usr/sbin/policy-rc.d"
    cat >"$TREE/etc/systemd/system/test.service" <<'UNIT'
[Unit]
Wants=basic.target
After=basic.target
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
ExecStart=/usr/local/bin/deb_systemd.sh
StandardOutput=file:/verdicts
StandardError=inherit
UNIT
    timeout 300 systemd-nspawn --quiet --register=no --keep-unit --directory="$TREE" --machine="zegel-$$" --private-network \
        --system-call-filter="mlock munlock landlock_create_ruleset landlock_add_rule landlock_restrict_self" \
        --boot systemd.unit=test.service >"$WORK/log/boot" 2>&1 </dev/null || true
    cat "$TREE/verdicts" || { tail -n 20 "$WORK/log/boot"; die "the tree does not boot"; }
    [ "$(tail -n 1 "$TREE/verdicts")" = "that is all" ] || die "systemd ended before the test did"
    ! grep -q '^FAIL ' "$TREE/verdicts" || die "not as a service of systemd"
    rm "$TREE/etc/systemd/system/test.service"
}

# A bare Debian, in the background while packages are built.
start debootstrap debootstrap --variant=minbase --include=softhsm2,systemd,systemd-sysv bookworm "$TREE" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}"
debian=$STARTED
two_builds
lint_packages
wait "$debian" || { tail -n 20 "$WORK/log/debootstrap"; die "debootstrap failed"; }

cp /etc/resolv.conf "$TREE/etc/resolv.conf"
printf '#!/bin/sh\nexit 101\n' >"$TREE/usr/sbin/policy-rc.d"
chmod 755 "$TREE/usr/sbin/policy-rc.d"
mkdir "$TREE/debs"
cp "$WORK"/one/zegel*.deb "$TREE/debs/"
rm -f "$TREE"/debs/*dbgsym*
in_tree sh -c 'apt-get update -q && apt-get install -y -q --no-install-recommends /debs/*.deb' >"$WORK/log/install" 2>&1 </dev/null ||
    { tail -n 30 "$WORK/log/install"; die "the packages do not install on a bare Debian 12"; }
in_tree getent passwd zegel >/dev/null || die "no user zegel after the installation"
[ -L "$TREE/etc/systemd/system/multi-user.target.wants/zegeld.service" ] || die "zegeld.service is not enabled"
echo "ok   installed on a bare Debian 12 without a question: $(in_tree zegel --version)"

cp "$BUILD/bench/load" "$TREE/usr/local/bin/"
cp "$SYSTEM/deb_first_hour.sh" "$TREE/usr/local/bin/"
in_tree --net bash /usr/local/bin/deb_first_hour.sh
newer_package
booted
in_tree sh -c 'apt-get purge -y -q zegel zegel-doc zegel-firmware' >"$WORK/log/purge" 2>&1 </dev/null || { tail -n 30 "$WORK/log/purge"; die "purge failed"; }
left=$(cd "$TREE" && find etc usr lib var/lib/systemd -name '*zegel*' ! -path 'usr/local/*' ! -path 'etc/zegel*' | tr '\n' ' ')
[ -z "${left// /}" ] || die "purge leaves $left"
for made in etc/zegel/pin var/lib/zegel/audit; do
    [ -e "$TREE/$made" ] || die "purge removed /$made, which the operator made"
done
echo "ok   purged; what the operator made stays: a PIN may be written down nowhere else, and an audit log is evidence"
