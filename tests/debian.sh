#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds the Debian packages of examples/debian in roots of Debian releases, wants nothing of lintian,
# and installs them into clean roots, where debian_check.sh uses them.
#
#   tests/debian.sh [RELEASE…]     default: bookworm trixie
#
# The source is `meson dist` of a tree without changes, else the files of the tree. Environment:
# MQK_CACHE (where roots are kept), MQK_RESULTS (a folder that receives logs, and the packages).
# Exit code: 0 all passed, 1 something failed, 77 everything was skipped.
set -eu

repo=$(cd "$(dirname "$0")/.." && pwd)
roots=${MQK_CACHE:-$repo/.work/cache}/roots
results=${MQK_RESULTS:-$repo/.work/debian}
releases=("$@")
[ ${#releases[@]} -gt 0 ] || releases=(bookworm trixie)
mkdir -p "$roots" "$results"

# shellcheck source=tests/roots.sh
. "$repo/tests/roots.sh"

why=$(obstacle)
[ -z "$why" ] || { echo "skipped: $why" && exit 77; }
use_proxy

work=$(mktemp -d "${TMPDIR:-/tmp}/mqk-debian.XXXXXX")
cleanup() { as_root rm -rf --one-file-system "$work"; }
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- The source ----

version=$(sed -n "s/^ *version: '\(.*\)',$/\1/p" "$repo/meson.build" | head -n 1)
orig=$work/mqkafka_$version.orig.tar.xz

# A release as a user gets it.
dist() {
    meson setup "$work/dist" "$repo" -Dtests=false -Dexamples=false &&
        meson dist -C "$work/dist" --no-tests --formats xztar &&
        cp "$work/dist/meson-dist/mqkafka-$version.tar.xz" "$orig"
}

# What stands in the tree.
pack() {
    mkdir "$work/mqkafka-$version"
    if [ -e "$repo/.git" ]; then
        (cd "$repo" && git ls-files -coz --exclude-standard)
    else
        (cd "$repo" && find . -path ./.work -prune -o -path './build*' -prune -o -type f -print0)
    fi | tar -C "$repo" --null -T - --ignore-failed-read -cf - | tar -C "$work/mqkafka-$version" -xf - &&
        tar -C "$work" -cJf "$orig" "mqkafka-$version" && rm -r "${work:?}/mqkafka-$version"
}

if [ -e "$repo/.git" ] && [ -z "$(git -C "$repo" status --porcelain)" ]; then
    dist >"$results/dist.log" 2>&1 || { tail "$results/dist.log" && echo 'FAILED: meson dist' && exit 1; }
    echo "ok: meson dist"
else
    pack
fi

# ---- Roots ----

# A release as debootstrap leaves it, kept as an archive.
base() {
    local release=$1 archive=$roots/$1-base.tar root=$work/$1-base
    [ ! -e "$archive" ] || return 0
    again bootstrap "$release" "$root" && forbid_services "$root" &&
        as_root rm -f "$root"/var/cache/apt/archives/*.deb &&
        as_root tar -C "$root" --one-file-system -cf "$archive.$$" . && mv "$archive.$$" "$archive" &&
        as_root rm -rf --one-file-system "$root"
}

# A new root from the archive.
fresh() {
    as_root rm -rf --one-file-system "$2" && as_root mkdir -p "$2" && as_root tar -C "$2" -xf "$roots/$1-base.tar"
}

# A root with what the build needs, kept as long as that does not change.
build_root() {
    local release=$1 root=$roots/$1-packages stamp want
    stamp=$root/etc/mqkafka-control
    want=$(md5sum <"$repo/examples/debian/control")
    [ "$(cat "$stamp" 2>/dev/null)" != "$want" ] || return 0
    [ -e "$root/etc/mqkafka-base" ] || { fresh "$release" "$root" && as_root touch "$root/etc/mqkafka-base"; }
    as_root mkdir -p "$root/control" && as_root cp "$repo/examples/debian/control" "$root/control/control"
    again in_root "$root" /bin/sh -ec '
        apt-get -o APT::Update::Error-Mode=any update
        apt-get install -y --no-install-recommends build-essential fakeroot lintian man-db
        cd /control && mkdir -p debian && cp control debian
        apt-get build-dep -y --no-install-recommends ./
        apt-get clean' && printf '%s' "$want" | as_root tee "$stamp" >/dev/null
}

# ---- Building and installing ----

# Each release is judged by its own lintian. The policy's version is the newest that Debian 12's knows.
build() {
    local release=$1 root=$roots/$1-packages
    as_root rm -rf --one-file-system "$root/source" && as_root mkdir "$root/source"
    as_root cp "$orig" "$root/source/" && as_root tar -C "$root/source" --no-same-owner -xf "$orig" &&
        as_root cp -r "$root/source/mqkafka-$version/examples/debian" "$root/source/mqkafka-$version/debian"
    in_root "$root" /bin/sh -c "cd /source/mqkafka-$version && dpkg-buildpackage -us -uc -F" &&
        in_root "$root" /bin/sh -c 'cd /source && lintian --allow-root -EvI \
            --suppress-tags out-of-date-standards-version --fail-on error,warning,info *.changes'
}

install() {
    local release=$1 root=$work/$1 packages=$results/$1
    rm -rf "$packages" && mkdir -p "$packages" && cp "$roots/$release-packages"/source/*.deb "$packages"
    cp "$repo/tests/debian_check.sh" "$repo/tests/again.sh" "$packages"
    fresh "$release" "$root" &&
        MQK_BIND=$packages in_root "$root" /bin/bash /mnt/debian_check.sh "$version"
}

failed=0
for release in "${releases[@]}"; do
    begin=$SECONDS
    exec 9>"$roots/.$release-packages.lock"
    flock 9
    for what in base build_root build install; do
        if ! $what "$release" >"$results/$release-$what.log" 2>&1 9>&-; then
            tail -n 40 "$results/$release-$what.log"
            echo "FAILED: $release: $what (see $results/$release-$what.log)"
            failed=1
            continue 2
        fi
    done
    exec 9>&-
    echo "ok: $release ($((SECONDS - begin)) s)"
done
exit $failed
