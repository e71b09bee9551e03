# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by the scripts that download something.

# What comes over the network may fail for a moment, and a mirror may be in the middle of an update.
again() {
    local pause
    for pause in 10 30 60; do
        "$@" && return 0
        echo "this failed, and is tried again in $pause s: $*"
        sleep "$pause"
    done
    "$@"
}
