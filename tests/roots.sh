# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Roots of Debian releases, for scripts that build and test in them: sourced by matrix.sh and debian.sh.

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n -E "$@"; fi
}

# shellcheck source=tests/again.sh
. "$(dirname "${BASH_SOURCE[0]}")/again.sh"

# A new root of a release.
bootstrap() { # release, directory
    as_root rm -rf --one-file-system "$2" && as_root debootstrap --variant=minbase "$1" "$2" "$(mirror)"
}

# A command inside a root. Its mounts and processes live in namespaces of their own, so that they
# are gone when it ends, however it ends.
in_root() {
    local root=$1
    shift
    as_root unshare --mount --pid --fork --kill-child --propagation private /bin/sh -c '
        root=$1; shift
        mount -t proc proc "$root/proc"
        mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm" 2>/dev/null || :
        [ -z "${MQK_BIND:-}" ] || mount --bind "$MQK_BIND" "$root/mnt"
        exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
            DEBIAN_FRONTEND=noninteractive ${http_proxy:+"http_proxy=$http_proxy"} "$@"
    ' sh "$root" "$@" </dev/null
}

# The machine's own Debian mirror.
mirror() {
    local uri
    uri=$(apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        sed -n 's/^Debian|//p' | head -n 1)
    if [ -z "$uri" ]; then
        uri=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list \
            /etc/apt/sources.list.d/*.sources 2>/dev/null |
            grep -v '^[[:space:]]*#' | grep -oE '(https?|file)://[^][:space:]]+/debian/?([[:space:]]|$)' |
            head -n 1 | tr -d '[:space:]')
    fi
    printf '%s' "${uri%/}"
}

# Why the roots cannot be used here, or nothing.
obstacle() {
    command -v debootstrap >/dev/null || { echo 'debootstrap is not installed' && return; }
    as_root true 2>/dev/null || { echo 'not root, and sudo asks for a password' && return; }
    as_root unshare --mount --pid --fork --propagation private true 2>/dev/null ||
        { echo 'mount namespaces are not allowed here' && return; }
    [ -n "$(mirror)" ] || echo 'no Debian mirror in the settings of apt'
}

# The proxy of apt, for what runs in a root.
use_proxy() {
    local proxy
    proxy=$(apt-config shell p Acquire::http::Proxy 2>/dev/null | sed -n "s/^p='\(.*\)'$/\1/p")
    [ -z "$proxy" ] || export http_proxy="$proxy"
}

# Packages must not start services in the root.
forbid_services() {
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$1/usr/sbin/policy-rc.d" >/dev/null
    as_root chmod 755 "$1/usr/sbin/policy-rc.d"
}
