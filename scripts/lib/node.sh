# Installs the official JavaScript clients for the tests that use them, if Node is there. Sourced by scripts/test.

# node_ready FOLDER: FOLDER/node_modules is what its lock names, or is not there at all and the tests say so.
node_ready() {
    command -v node >/dev/null && command -v npm >/dev/null || return 0
    [ "$1/node_modules/.package-lock.json" -nt "$1/package-lock.json" ] && return
    printf 'emberway: installing the JavaScript clients of %s …\n' "${1#"$root/"}" >&2
    local said
    said=$(npm ci --prefix "$1" --no-audit --no-fund --loglevel error 2>&1) && return
    printf '%s\n' "$said" >&2
    rm -rf "$1/node_modules"
    [ "${CI:-}" != true ] || fail "npm could not install the JavaScript clients, it says why above."
    printf 'emberway: going on without the JavaScript clients, npm says above what keeps them away.\n' >&2
}
