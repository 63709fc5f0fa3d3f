# Makes .venv hold exactly what a lock file names, and costs next to nothing when it already does. Sourced by scripts/*.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

fail() {
    printf 'emberway: %s\n' "$1" >&2
    exit 1
}

# venv_ready LOCK...: install every LOCK into .venv unless it was; the first must hold all that the others do.
venv_ready() {
    local stamp="$root/.venv/.installed-$1" state lock
    state=$(_state "$1") && [ "$state" = "$(cat "$stamp" 2>/dev/null)" ] && return
    [ -n "$state" ] || _make_venv
    _install "$1"
    for lock in "$@"; do
        _state "$lock" >"$root/.venv/.installed-$lock"
    done
}

# What an installation depends on: the lock, the project's own table, the interpreter and where the folder lies.
# Prints nothing, and fails, when .venv has no interpreter that will do.
_state() {
    "$root/.venv/bin/python" -IS - "$root" "$root/$1" "$root/pyproject.toml" 2>/dev/null <<'END'
import hashlib, sys
if sys.version_info < (3, 11):
    sys.exit(1)
digest = hashlib.sha256(f"{sys.version} {sys.argv[1]}".encode())
for path in sys.argv[2:]:
    with open(path, "rb") as file:
        digest.update(file.read())
print(digest.hexdigest())
END
}

_make_venv() {
    local python=${PYTHON:-python3}
    command -v "$python" >/dev/null || fail "$python is not installed: Emberway needs Python 3.11 or newer."
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "$("$python" -V) is too old: Emberway needs Python 3.11 or newer (PYTHON=/path/to/python3 names another)."
    _need_pip "$python"
    # Without pip inside: Debian's python3 cannot put it there unless python3-venv is installed too.
    "$python" -m venv --clear --without-pip "$root/.venv" || fail "the environment $root/.venv could not be made."
}

# pip may be told which environment to install into since 22.3.
_need_pip() {
    local version
    version=$("$1" -m pip --version 2>/dev/null) || fail "$1 has no pip: install it (Debian: apt install python3-pip)."
    "$1" -c 'import sys; v = sys.argv[1].split()[1].split("."); sys.exit((int(v[0]), int(v[1])) < (22, 3))' "$version" ||
        fail "pip $(cut -d' ' -f2 <<<"$version") of $1 is too old: Emberway is installed with pip 22.3 or newer."
}

_install() {
    local python=${PYTHON:-python3} packages log="$root/.venv/install.log"
    _need_pip "$python"
    packages=$(grep -c '^[a-z0-9].*==' "$root/$1")
    printf 'emberway: installing the packages of %s into .venv (%s, each checked by its hash) …\n' "$1" "$packages" >&2
    local pip=("$python" -m pip --python "$root/.venv/bin/python" --disable-pip-version-check --no-input install)
    {
        "${pip[@]}" --progress-bar off --require-hashes -r "$root/$1" &&
            "${pip[@]}" --no-deps --no-build-isolation -e "$root"
    } >"$log" 2>&1 || {
        cat "$log" >&2
        fail "the installation failed, pip says why above; what is there was left as it is."
    }
}
