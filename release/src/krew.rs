//! The manifest by which krew installs the program as `kubectl ferrolb`, and the archives that it names: krew takes archives
//! only, and links the name `kubectl-ferrolb` to the program in them.

use std::fmt::Write;

use anyhow::Result;
use ferrolb_image::{Compression, packed, sha256};

/// The program in the archive.
const PROGRAM: &str = "ferrolb";

/// The archive for one architecture of Linux.
pub(crate) struct Plugin {
    architecture: &'static str,
    /// Its name.
    pub(crate) file: String,
    /// Its content.
    pub(crate) archive: Vec<u8>,
}

impl Plugin {
    /// Program and licence, which the index of krew wants beside it.
    pub(crate) fn of(
        version: &str,
        architecture: &'static str,
        program: &[u8],
        licence: &[u8],
    ) -> Result<Self> {
        let files = [(PROGRAM, program, 0o755), ("LICENSE", licence, 0o644)];
        Ok(Self {
            architecture,
            file: format!("kubectl-ferrolb-{version}-linux-{architecture}.tar.gz"),
            archive: packed(&files, Compression::best())?,
        })
    }
}

/// The manifest, in version `v1alpha2` of krew. Without a repository nothing is known of where the archives will lie, and they are
/// named alone: `kubectl krew install --manifest --archive` needs no more.
pub(crate) fn manifest(version: &str, repository: Option<&str>, plugins: &[Plugin]) -> String {
    let repository = repository.filter(|repository| !repository.is_empty());
    let mut text = format!(
        "apiVersion: krew.googlecontainertools.github.com/v1alpha2\n\
         kind: Plugin\n\
         metadata:\n\
         \x20 name: ferrolb\n\
         spec:\n\
         \x20 version: v{version}\n\
         {}\
         \x20 shortDescription: See why a bare-metal load balancer does what it does\n\
         \x20 description: |\n\
         \x20   Shows which node announces the address of each Service of type LoadBalancer, explains why one has no address or\n\
         \x20   is not announced, looks for what is known to hurt, and plans changes of pools and advertisements, for FerroLB.\n\
         \x20 platforms:\n",
        repository.map_or(String::new(), |repository| format!("  homepage: {repository}\n")),
    );
    for plugin in plugins {
        let place = repository.map(|repository| format!("{repository}/releases/download/v{version}/"));
        let lines = format!(
            "\x20 - selector:\n\
             \x20     matchLabels:\n\
             \x20       os: linux\n\
             \x20       arch: {}\n\
             \x20   uri: {}{}\n\
             \x20   sha256: {}\n\
             \x20   bin: {PROGRAM}\n",
            plugin.architecture,
            place.unwrap_or_default(),
            plugin.file,
            sha256(&plugin.archive),
        );
        // Writing into a string cannot fail.
        let _written = text.write_str(&lines);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use serde_json::{Value, json};

    use super::*;

    fn plugins() -> Vec<Plugin> {
        ["amd64", "arm64"]
            .map(|architecture| {
                Plugin::of("1.2.3", architecture, architecture.as_bytes(), b"licence").unwrap()
            })
            .into()
    }

    fn parsed(text: &str) -> Value {
        serde_saphyr::from_str(text).unwrap()
    }

    /// Every file of an archive, with its mode.
    fn files(archive: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive));
        let file = |entry: std::io::Result<tar::Entry<'_, _>>| {
            let mut entry = entry.unwrap();
            let (mut content, path) = (Vec::new(), entry.path().unwrap().to_string_lossy().into_owned());
            entry.read_to_end(&mut content).unwrap();
            (path, entry.header().mode().unwrap(), content)
        };
        archive.entries().unwrap().map(file).collect()
    }

    /// What krew demands of a manifest (its `ValidatePlugin`): version, kind, a name that is safe in a path, a version with a `v`, a
    /// short description of one line, and of each platform a selector, an address, a sum in lower case and a program.
    #[test]
    fn the_manifest_is_what_krew_takes() {
        let manifest = parsed(&manifest("1.2.3", None, &plugins()));
        assert_eq!(
            manifest["apiVersion"],
            "krew.googlecontainertools.github.com/v1alpha2"
        );
        assert_eq!(manifest["kind"], "Plugin");
        assert_eq!(manifest["metadata"], json!({"name": "ferrolb"}));
        let spec = &manifest["spec"];
        assert_eq!(spec["version"], "v1.2.3");
        let short = spec["shortDescription"].as_str().unwrap();
        assert!(
            !short.is_empty() && !short.contains('\n') && short.len() <= 80,
            "{short}"
        );
        let known = [
            "version",
            "homepage",
            "shortDescription",
            "description",
            "caveats",
            "platforms",
        ];
        assert!(
            spec.as_object()
                .unwrap()
                .keys()
                .all(|key| known.contains(&key.as_str())),
            "{spec}"
        );
        let platforms = spec["platforms"].as_array().unwrap();
        let selectors: Vec<&Value> = platforms.iter().map(|one| &one["selector"]).collect();
        let linux = |architecture: &str| json!({"matchLabels": {"os": "linux", "arch": architecture}});
        assert_eq!(selectors, [&linux("amd64"), &linux("arm64")]);
        for platform in platforms {
            let sum = platform["sha256"].as_str().unwrap();
            let is_sum = sum.len() == 64 && sum.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            assert!(is_sum, "{sum}");
            assert!(
                platform["uri"].as_str().unwrap().ends_with(".tar.gz"),
                "{platform}"
            );
            assert_eq!(platform["bin"], PROGRAM);
        }
    }

    #[test]
    fn each_archive_has_the_sum_of_the_manifest_and_the_program_of_its_architecture() {
        let plugins = plugins();
        let manifest = parsed(&manifest("1.2.3", None, &plugins));
        for (index, plugin) in plugins.iter().enumerate() {
            let platform = &manifest["spec"]["platforms"][index];
            assert_eq!(platform["sha256"], sha256(&plugin.archive));
            assert_eq!(platform["uri"], plugin.file);
            let expected = [
                (PROGRAM.to_owned(), 0o755, plugin.architecture.as_bytes().to_vec()),
                ("LICENSE".to_owned(), 0o644, b"licence".to_vec()),
            ];
            assert_eq!(files(&plugin.archive), expected);
        }
    }

    #[test]
    fn where_a_repository_is_known_the_archives_are_those_of_its_release() {
        let text = manifest("1.2.3", Some("https://git.example.com/ferrolb"), &plugins());
        let manifest = parsed(&text);
        assert_eq!(manifest["spec"]["homepage"], "https://git.example.com/ferrolb");
        assert_eq!(
            manifest["spec"]["platforms"][1]["uri"],
            "https://git.example.com/ferrolb/releases/download/v1.2.3/kubectl-ferrolb-1.2.3-linux-arm64.tar.gz"
        );
    }

    #[test]
    fn the_same_program_gives_the_same_archive() {
        let [one, other] = [plugins(), plugins()];
        assert!(
            one.iter()
                .zip(&other)
                .all(|(one, other)| one.archive == other.archive)
        );
    }
}
