use anyhow::{Result, bail};

use crate::version::Version;

const UNRELEASED: &str = "## [Unreleased]\n";

/// The changelog with what was unreleased under a version and its date, and an empty section above it.
///
/// # Errors
/// If nothing is unreleased, or the version is there already.
pub(crate) fn release(text: &str, version: &Version, date: &str) -> Result<String> {
    if text.contains(&format!("\n## [{version}]")) {
        bail!("CHANGELOG.md has a section of {version} already");
    }
    let Some((before, after)) = text.split_once(UNRELEASED) else {
        bail!("CHANGELOG.md has no line `{}`", UNRELEASED.trim_end());
    };
    let section = after.split("\n## ").next().unwrap_or_default();
    if !section.lines().any(|line| line.starts_with("- ")) {
        bail!("CHANGELOG.md has no line below `{}`", UNRELEASED.trim_end());
    }
    Ok(format!("{before}{UNRELEASED}\n## [{version}] - {date}\n{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- This.\n\n## [0.1.0] - 2026-01-01\n\n- That.\n";

    fn of(text: &str, version: &str) -> Result<String> {
        release(text, &version.parse().unwrap(), "2026-02-03")
    }

    #[test]
    fn what_was_unreleased_is_of_the_version_and_new_changes_go_above_it() {
        let text = of(TEXT, "0.2.0").unwrap();
        assert!(text.contains("## [Unreleased]\n\n## [0.2.0] - 2026-02-03\n\n### Added\n\n- This.\n"));
        assert!(text.ends_with("## [0.1.0] - 2026-01-01\n\n- That.\n"));
    }

    #[test]
    fn a_version_is_released_once_and_only_with_changes() {
        assert!(of(TEXT, "0.1.0").is_err());
        assert!(of(&of(TEXT, "0.2.0").unwrap(), "0.3.0").is_err());
        assert!(of("# Changelog\n", "0.2.0").is_err());
    }
}
