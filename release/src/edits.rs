//! What a release changes in files, text in and text out.

use anyhow::{Result, bail};
use ferrolb_image::Reference;

use crate::version::Version;

/// A file, and where in it the version or the image stands.
pub(crate) struct Edit<'a> {
    pub(crate) version: &'a Version,
    pub(crate) before: &'a Reference,
    pub(crate) after: &'a Reference,
}

impl Edit<'_> {
    /// The file with the version and the image set; the same text if it has neither.
    ///
    /// # Errors
    /// If a line that has to be there is not.
    pub(crate) fn apply(&self, path: &str, text: &str) -> Result<String> {
        let version = self.version.to_string();
        match path {
            "Cargo.toml" => workspace_version(text, &version),
            "Cargo.lock" => Ok(lock(text, &version)),
            "deploy/kustomization.yaml" => {
                let text = set(text, "newName", Some(&self.before.name), &self.after.name);
                Ok(set(&text, "newTag", Some(&self.before.tag), &self.after.tag))
            }
            _ if path.ends_with("/Chart.yaml") => {
                let text = set(text, "version", None, &version);
                Ok(set(&text, "appVersion", None, &version))
            }
            _ if path.ends_with("/values.yaml") => {
                let text = set(text, "repository", Some(&self.before.name), &self.after.name);
                Ok(set(&text, "tag", Some(&self.before.tag), &self.after.tag))
            }
            _ => Ok(text.replace(&self.before.to_string(), &self.after.to_string())),
        }
    }
}

/// Sets a field in each line that is `FIELD: OLD`; without an old value, in the line at the margin that is `FIELD: ` and
/// anything.
fn set(text: &str, field: &str, old: Option<&str>, new: &str) -> String {
    let line = |line: &str| {
        let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
        let value = rest
            .strip_prefix(field)
            .and_then(|rest| rest.strip_prefix(": "))
            .map(|value| value.trim().trim_matches('"'));
        match value {
            Some(value) if old.map_or(indent.is_empty(), |old| old == value) => {
                format!("{indent}{field}: {new}\n")
            }
            _ => format!("{line}\n"),
        }
    };
    text.lines().map(line).collect()
}

fn workspace_version(text: &str, version: &str) -> Result<String> {
    const SECTION: &str = "[workspace.package]\nversion = \"";
    match text.split_once(SECTION) {
        Some((before, after)) if after.contains('"') => {
            let rest = after.split_once('"').map_or("", |(_, rest)| rest);
            Ok(format!("{before}{SECTION}{version}\"{rest}"))
        }
        _ => bail!("Cargo.toml has no version at the beginning of [workspace.package]"),
    }
}

/// The packages of the workspace are those without a source.
fn lock(text: &str, version: &str) -> String {
    let package = |package: &str| {
        if package.starts_with("\nname") && !package.contains("\nsource = ") {
            let line = |line: &str| match line.starts_with("version = ") {
                true => format!("version = \"{version}\"\n"),
                false => format!("{line}\n"),
            };
            package.lines().map(line).collect()
        } else {
            package.to_owned()
        }
    };
    let packages: Vec<String> = text.split("[[package]]").map(package).collect();
    packages.join("[[package]]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(path: &str, text: &str) -> String {
        let reference = |name: &str, tag: &str| Reference {
            name: name.into(),
            tag: tag.into(),
        };
        let edit = Edit {
            version: &"1.2.3".parse().unwrap(),
            before: &reference("localhost/ferrolb", "dev"),
            after: &reference("registry.example.com/ferrolb", "1.2.3"),
        };
        edit.apply(path, text).unwrap()
    }

    #[test]
    fn the_workspace_gets_the_version_and_its_dependencies_keep_theirs() {
        let text = "[workspace.package]\nversion = \"0.1.0\"\n\n[workspace.dependencies]\nkube = { version = \"5.0\" }\n";
        assert_eq!(edited("Cargo.toml", text), text.replace("0.1.0", "1.2.3"));
    }

    #[test]
    fn the_lock_gets_the_version_for_the_crates_of_the_tree_only() {
        let text = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"0.1.0\"\nsource = \"x\"\n\n\
                    [[package]]\nname = \"b\"\nversion = \"0.1.0\"\ndependencies = [\n \"a\",\n]\n";
        let expected = text.replace("\"b\"\nversion = \"0.1.0\"", "\"b\"\nversion = \"1.2.3\"");
        assert_eq!(edited("Cargo.lock", text), expected);
    }

    #[test]
    fn manifests_and_chart_name_the_new_image() {
        let kustomization = "- name: ferrolb\n  newName: localhost/ferrolb\n  newTag: dev\n";
        let expected = "- name: ferrolb\n  newName: registry.example.com/ferrolb\n  newTag: 1.2.3\n";
        assert_eq!(edited("deploy/kustomization.yaml", kustomization), expected);
        let values = "image:\n  repository: \"localhost/ferrolb\"\n  tag: dev\nother:\n  tag: v1\n";
        let expected =
            "image:\n  repository: registry.example.com/ferrolb\n  tag: 1.2.3\nother:\n  tag: v1\n";
        assert_eq!(edited("deploy/chart/ferrolb/values.yaml", values), expected);
        let chart = "name: ferrolb\nversion: 0.1.0\nappVersion: \"dev\"\ndependencies:\n- name: other\n  version: 2.0.0\n";
        assert_eq!(
            edited("deploy/chart/ferrolb/Chart.yaml", chart),
            "name: ferrolb\nversion: 1.2.3\nappVersion: 1.2.3\ndependencies:\n- name: other\n  version: 2.0.0\n"
        );
        assert_eq!(
            edited("deploy/ferrolb.yaml", "image: localhost/ferrolb:dev\n"),
            "image: registry.example.com/ferrolb:1.2.3\n"
        );
    }
}
