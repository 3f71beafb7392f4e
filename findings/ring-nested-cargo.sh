#!/bin/bash
# ring 0.17.14 with cargo 1.95: a cargo that is started by a program of `cargo run` or `cargo test` builds ring anew, C and
# assembler included, and with it everything above it, rustls and HTTP clients too; and the next cargo of the shell does so once more.
#
# Nothing of the sources, the flags or the target has changed, and cargo's own bookkeeping knows that; so a good guess is that
# the second build finds everything fresh. But ring's build script reads variables such as CARGO_MANIFEST_DIR and
# CARGO_PKG_NAME through a function that also tells cargo to run the script again when they change. Cargo sets them anew for
# each build script, and so they can never change there. What cargo compares, though, is its own environment: empty of them in
# a shell, and full of another package's below `cargo run`, `cargo test` and build scripts. Whoever tests a program by building it from
# a test, or has an xtask that builds, pays for it at each change between the two.
#
# What helps: take CARGO_MANIFEST_*, CARGO_PKG_* out of the environment of the inner cargo.
#
# Needs cargo, a C compiler and a registry of crates. Prints what was seen; fails if it is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir -p outer/src inner/src
printf '[workspace]\nmembers = ["outer", "inner"]\nresolver = "3"\n' > Cargo.toml
printf '[package]\nname = "outer"\nversion = "0.0.0"\nedition = "2024"\n' > outer/Cargo.toml
printf '[package]\nname = "inner"\nversion = "0.0.0"\nedition = "2024"\n[dependencies]\nring = "=0.17.14"\n' > inner/Cargo.toml
: > inner/src/lib.rs
cat > outer/src/main.rs <<'RUST'
fn main() {
    let mut cargo = std::process::Command::new(std::env::var_os("CARGO").unwrap());
    cargo.args(["build", "-p", "inner"]);
    if std::env::args().nth(1).as_deref() == Some("clean") {
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy().into_owned();
            if text.starts_with("CARGO_MANIFEST_") || text.starts_with("CARGO_PKG_") {
                cargo.env_remove(name);
            }
        }
    }
    assert!(cargo.status().unwrap().success());
}
RUST
unset CARGO_TARGET_DIR

wrong=0
look() { # EXPECTED WHAT COMMAND...
	local expected=$1 what=$2 found=fresh
	shift 2
	"$@" > output 2>&1 || { cat output; exit 1; }
	! grep -q 'Compiling ring ' output || found=compiled
	printf '%-62s ring is %s\n' "$what" "$found"
	[ "$found" = "$expected" ] || wrong=1
}

cargo build --quiet -p outer
look compiled 'the first build, from a shell:' cargo build -p inner
look fresh 'the same once more:' cargo build -p inner
look compiled 'the same from a program that `cargo run` runs:' cargo run -p outer
look fresh 'the same once more:' cargo run -p outer
look compiled 'from a shell again:' cargo build -p inner
look fresh 'from `cargo run`, without the variables of the outer package:' cargo run -p outer -- clean
[ "$wrong" = 0 ] || { echo 'this is no longer so'; exit 1; }
