//! What the machine must have.

use crate::binaries;
use std::path::Path;

/// Programs that the lab or kube-proxy runs, and Debian's packages of them.
const PROGRAMS: [(&str, &str); 2] = [("ip", "iproute2"), ("nft", "nftables")];

/// Why no lab can be started on this machine, by this person; `None` if one can.
#[must_use]
pub(crate) fn obstacle() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("a lab needs root: it makes namespaces and cgroups".into());
    }
    let missing = PROGRAMS.iter().find(|(program, _)| !is_in_path(program));
    missing
        .map(|(program, package)| format!("the program {program} is missing (Debian: {package})"))
        .or_else(|| binaries::built().err().map(|absent| absent.to_string()))
}

fn is_in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file())
}
