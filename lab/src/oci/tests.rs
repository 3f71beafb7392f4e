use std::collections::BTreeMap;
use std::io::Read;

use super::*;

const IMAGE: Image<'_> = Image {
    name: "localhost/echo:1",
    program: "echo",
    arguments: &["serve"],
    content: b"\x7fELF and so on",
    beside: &[],
    user: "65532:65532",
};

fn written() -> Vec<u8> {
    let mut out = Vec::new();
    IMAGE.write(&mut out).unwrap();
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

fn manifest(files: &BTreeMap<String, Vec<u8>>) -> (Value, Value) {
    let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
    let descriptor = index["manifests"][0].clone();
    let manifest = serde_json::from_slice(blob(files, &descriptor)).unwrap();
    (descriptor, manifest)
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
    assert_eq!(blobs.len(), 3);
    assert!(blobs.iter().all(|(name, content)| *name == digest(content)));
}

#[test]
fn every_descriptor_gives_the_size_of_its_blob() {
    let files = files(&written());
    let (descriptor, manifest) = manifest(&files);
    for part in [&descriptor, &manifest["config"], &manifest["layers"][0]] {
        assert_eq!(part["size"], blob(&files, part).len());
    }
}

#[test]
fn the_image_is_named_for_containerd() {
    let (descriptor, _) = manifest(&files(&written()));
    assert_eq!(
        descriptor["annotations"]["io.containerd.image.name"],
        "localhost/echo:1"
    );
    assert_eq!(
        descriptor["annotations"]["org.opencontainers.image.ref.name"],
        "1"
    );
}

#[test]
fn the_layer_holds_the_executable_program_and_the_configuration_names_its_digest() {
    let files = files(&written());
    let (_, manifest) = manifest(&files);
    let mut layer = Vec::new();
    flate2::read::GzDecoder::new(blob(&files, &manifest["layers"][0]))
        .read_to_end(&mut layer)
        .unwrap();
    let config: Value = serde_json::from_slice(blob(&files, &manifest["config"])).unwrap();
    assert_eq!(
        config["rootfs"]["diff_ids"][0],
        format!("sha256:{}", digest(&layer))
    );
    assert_eq!(config["config"]["Entrypoint"], json!(["/echo", "serve"]));
    assert_eq!(config["config"]["User"], "65532:65532");
    let mut archive = tar::Archive::new(layer.as_slice());
    let mut program = archive.entries().unwrap().next().unwrap().unwrap();
    assert_eq!(program.header().mode().unwrap(), 0o755);
    let mut content = Vec::new();
    program.read_to_end(&mut content).unwrap();
    assert_eq!(content, IMAGE.content);
}
