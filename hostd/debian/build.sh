#!/bin/bash
# make deb: the tree as git has it, this folder as its debian/, and dpkg-buildpackage. The packages come into BUILD (default build).
set -eu
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
version=$(sed -n '1s/.*(\(.*\)).*/\1/p' hostd/debian/changelog)
stage=$BUILD/deb/zegel-$version
log=$BUILD/deb/build.log
rm -rf "$BUILD/deb"
mkdir -p "$stage"
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files -z | grep -zv '^\.ci/' | xargs -0 cp --parents --no-dereference -t "$stage" 2>/dev/null || true # what was removed and not yet committed
else
    find . -path "./$BUILD" -prune -o -type f -print0 | xargs -0 cp --parents -t "$stage"
fi
mv "$stage/hostd/debian" "$stage/debian"
# The image's libraries are Debian's own packages of another architecture, pinned: fetched before, since a build fetches nothing.
make -s BUILD="$BUILD" "$BUILD/firmware/armhf/.complete"
mkdir -p "$stage/build/firmware"
cp -r "$BUILD/firmware/armhf" "$stage/build/firmware/"
rm "$stage/debian/build.sh"
# Nothing of the shell that called goes into the packages: no make variables, no compiler wrapper.
if ! (cd "$stage" && env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u CI -u BUILD PATH=/usr/sbin:/usr/bin:/sbin:/bin DEB_BUILD_OPTIONS="nocheck parallel=$(nproc) ${DEB_BUILD_OPTIONS:-}" \
    dpkg-buildpackage -b -us -uc) >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "make deb: dpkg-buildpackage failed (the end of $log is above)" >&2
    exit 1
fi
mv "$BUILD"/deb/*.deb "$BUILD/deb/zegel_$version"_*.changes "$BUILD/deb/zegel_$version"_*.buildinfo "$BUILD/"
ls "$BUILD"/*.deb
