#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::io::Read;

use super::*;

const CONTENT: &[u8] = b"\x7fELF and so on";
const AMD64: Platform<'_> = Platform {
    architecture: "amd64",
    content: CONTENT,
    beside: &[],
};
const ARM64: Platform<'_> = Platform {
    architecture: "arm64",
    content: b"\x7fELF of another kind",
    beside: &[],
};

fn layout_of(platforms: &[Platform<'_>], labels: &[(&str, &str)]) -> Layout {
    let labels = labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let image = Image {
        name: "localhost/echo:1",
        program: "echo",
        arguments: &["serve"],
        user: "65532:65532",
        created: "",
        labels: &labels.collect(),
        platforms,
        compression: Compression::fast(),
    };
    image.layout().unwrap()
}

fn written() -> Vec<u8> {
    let mut out = Vec::new();
    layout_of(&[AMD64, ARM64], &[]).write_tar(&mut out).unwrap();
    out
}

fn files(tar: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = tar::Archive::new(tar);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (entry.path().unwrap().to_str().unwrap().to_owned(), content)
    });
    entries.collect()
}

fn blob<'a>(files: &'a BTreeMap<String, Vec<u8>>, descriptor: &Value) -> &'a [u8] {
    let digest = descriptor["digest"]
        .as_str()
        .unwrap()
        .strip_prefix("sha256:")
        .unwrap();
    &files[&format!("blobs/sha256/{digest}")]
}

fn read(files: &BTreeMap<String, Vec<u8>>, descriptor: &Value) -> Value {
    serde_json::from_slice(blob(files, descriptor)).unwrap()
}

/// The descriptor that carries the name, the index behind it, and the manifest of the nth architecture.
fn parts(files: &BTreeMap<String, Vec<u8>>, nth: usize) -> (Value, Value, Value) {
    let top: Value = serde_json::from_slice(&files["index.json"]).unwrap();
    let named = top["manifests"][0].clone();
    let index = read(files, &named);
    let manifest = read(files, &index["manifests"][nth]);
    (named, index, manifest)
}

#[test]
fn the_same_program_gives_the_same_bytes() {
    assert_eq!(written(), written());
}

#[test]
fn every_blob_is_named_by_its_own_digest() {
    let files = files(&written());
    let blobs: Vec<_> = files
        .iter()
        .filter_map(|(path, content)| Some((path.strip_prefix("blobs/sha256/")?, content)))
        .collect();
    assert_eq!(blobs.len(), 7);
    assert!(blobs.iter().all(|(name, content)| *name == sha256(content)));
}

#[test]
fn every_descriptor_gives_the_size_of_its_blob() {
    let files = files(&written());
    let (named, index, manifest) = parts(&files, 1);
    for part in [
        &named,
        &index["manifests"][1],
        &manifest["config"],
        &manifest["layers"][0],
    ] {
        assert_eq!(part["size"], blob(&files, part).len());
    }
}

#[test]
fn the_image_is_named_for_containerd() {
    let (named, ..) = parts(&files(&written()), 0);
    assert_eq!(
        named["annotations"]["io.containerd.image.name"],
        "localhost/echo:1"
    );
    assert_eq!(named["annotations"]["org.opencontainers.image.ref.name"], "1");
}

#[test]
fn the_layer_holds_the_executable_program_and_the_configuration_names_its_digest() {
    let files = files(&written());
    let (.., manifest) = parts(&files, 0);
    let mut layer = Vec::new();
    flate2::read::GzDecoder::new(blob(&files, &manifest["layers"][0]))
        .read_to_end(&mut layer)
        .unwrap();
    let config = read(&files, &manifest["config"]);
    assert_eq!(
        config["rootfs"]["diff_ids"][0],
        format!("sha256:{}", sha256(&layer))
    );
    assert_eq!(config["config"]["Entrypoint"], json!(["/echo", "serve"]));
    assert_eq!(config["config"]["User"], "65532:65532");
    let mut archive = tar::Archive::new(layer.as_slice());
    let mut program = archive.entries().unwrap().next().unwrap().unwrap();
    assert_eq!(program.header().mode().unwrap(), 0o755);
    let mut content = Vec::new();
    program.read_to_end(&mut content).unwrap();
    assert_eq!(content, CONTENT);
}

#[test]
fn each_architecture_has_a_manifest_and_says_so_in_the_index_and_in_its_configuration() {
    let files = files(&written());
    for (nth, architecture) in ["amd64", "arm64"].into_iter().enumerate() {
        let (_, index, manifest) = parts(&files, nth);
        let platform = &index["manifests"][nth]["platform"];
        assert_eq!(*platform, json!({"architecture": architecture, "os": "linux"}));
        assert_eq!(read(&files, &manifest["config"])["architecture"], architecture);
    }
}

#[test]
fn labels_are_in_each_configuration_and_annotate_the_index() {
    let layout = layout_of(&[AMD64], &[("org.opencontainers.image.version", "1.2.3")]);
    let files = layout
        .files()
        .map(|(path, content)| (path.to_owned(), content.to_vec()))
        .collect();
    let (_, index, manifest) = parts(&files, 0);
    let expected = json!({"org.opencontainers.image.version": "1.2.3"});
    assert_eq!(index["annotations"], expected);
    assert_eq!(read(&files, &manifest["config"])["config"]["Labels"], expected);
}

#[test]
fn the_folder_holds_what_the_tar_holds() {
    let folder = tempfile::tempdir().unwrap();
    layout_of(&[AMD64, ARM64], &[])
        .write_folder(folder.path())
        .unwrap();
    let tar = files(&written());
    for (path, content) in &tar {
        assert_eq!(&std::fs::read(folder.path().join(path)).unwrap(), content);
    }
    let blobs = std::fs::read_dir(folder.path().join("blobs/sha256")).unwrap();
    assert_eq!(blobs.count() + 2, tar.len());
}
