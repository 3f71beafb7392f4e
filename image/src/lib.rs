//! Writes an image of one program for one or more architectures, without a container engine: an OCI image layout, as a
//! folder or in one tar file, the same bytes for the same content.
//!
//! Layout, index, manifest and configuration are those of the OCI image specification 1.1; the annotation
//! `io.containerd.image.name` is what `ctr images import` names the image by.

mod digest;
mod layout;
mod reference;

use std::collections::BTreeMap;
use std::io::{self, Write};

use flate2::GzBuilder;
use serde_json::{Value, json};

pub use digest::sha256;
pub use flate2::Compression;
pub use layout::Layout;
pub use reference::{BadReference, Reference};

/// The user of FerroLB's own image, `nobody`. The speaker's manifest asks for root, which gets it its capability.
pub const USER: &str = "65534:65534";

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// What goes into an image.
#[derive(Debug, Clone, Copy)]
pub struct Image<'a> {
    /// `localhost/NAME:TAG`. With a tag other than `latest` a node never tries to pull it.
    pub name: &'a str,
    /// Where the program lies, without a slash at the beginning; it is the entry point.
    pub program: &'a str,
    /// Its first arguments; those of a pod's container follow.
    pub arguments: &'a [&'a str],
    /// `UID:GID`, or empty for root.
    pub user: &'a str,
    /// When it was made, as RFC 3339 writes it; nothing is said of it if it is empty.
    pub created: &'a str,
    /// Labels of each configuration and annotations of the index; the specification names some of them.
    pub labels: &'a BTreeMap<String, String>,
    /// What differs between the architectures.
    pub platforms: &'a [Platform<'a>],
    /// How hard the layers are packed.
    pub compression: Compression,
}

/// The part of an image for one architecture of Linux.
#[derive(Debug, Clone, Copy)]
pub struct Platform<'a> {
    /// As Go calls it: `amd64`, `arm64`.
    pub architecture: &'a str,
    /// The program itself.
    pub content: &'a [u8],
    /// What lies beside it, such as libraries: path without a slash at the beginning, and content.
    pub beside: &'a [(String, Vec<u8>)],
}

impl Image<'_> {
    /// The files of the image's layout.
    ///
    /// # Errors
    /// If a path is too long for a tar file.
    pub fn layout(&self) -> io::Result<Layout> {
        let mut layout = Layout::default();
        let manifests = self.platforms.iter().map(|platform| {
            let mut descriptor = self.manifest(platform, &mut layout)?;
            descriptor["platform"] = json!({"architecture": platform.architecture, "os": "linux"});
            Ok(descriptor)
        });
        let manifests = manifests.collect::<io::Result<Vec<Value>>>()?;
        let mut index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        if !self.labels.is_empty() {
            index["annotations"] = json!(self.labels);
        }
        let mut named = layout.add_blob(INDEX, index.to_string().into_bytes());
        let tag = self.name.rsplit_once(':').map_or("latest", |(_, tag)| tag);
        named["annotations"] =
            json!({"io.containerd.image.name": self.name, "org.opencontainers.image.ref.name": tag});
        layout.finish(&json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [named]}));
        Ok(layout)
    }

    fn manifest(&self, platform: &Platform<'_>, layout: &mut Layout) -> io::Result<Value> {
        let layer = self.layer(platform)?;
        let config = self.config(platform, &sha256(&layer)).to_string();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": layout.add_blob(CONFIG, config.into_bytes()),
            "layers": [layout.add_blob(LAYER, gzip(&layer, self.compression)?)],
        });
        Ok(layout.add_blob(MANIFEST, manifest.to_string().into_bytes()))
    }

    fn layer(&self, platform: &Platform<'_>) -> io::Result<Vec<u8>> {
        let mut tar = tar::Builder::new(Vec::new());
        add(&mut tar, self.program, platform.content, 0o755)?;
        for (path, content) in platform.beside {
            add(&mut tar, path, content, 0o755)?;
        }
        tar.into_inner()
    }

    fn config(&self, platform: &Platform<'_>, layer_digest: &str) -> Value {
        let program = format!("/{}", self.program);
        let entrypoint: Vec<&str> = std::iter::once(program.as_str())
            .chain(self.arguments.iter().copied())
            .collect();
        let mut config = json!({
            "architecture": platform.architecture,
            "os": "linux",
            "config": {"Entrypoint": entrypoint, "User": self.user, "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer_digest}")]},
        });
        if !self.labels.is_empty() {
            config["config"]["Labels"] = json!(self.labels);
        }
        if !self.created.is_empty() {
            config["created"] = json!(self.created);
        }
        config
    }
}

/// Owner, group and time are all zero.
fn add(tar: &mut tar::Builder<impl Write>, path: &str, content: &[u8], mode: u32) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    tar.append_data(&mut header, path, content)
}

/// A tar file of programs and texts, packed by gzip: path, content and mode of each. The same bytes for the same content.
///
/// # Errors
/// If a path is too long for a tar file.
pub fn packed(files: &[(&str, &[u8], u32)], compression: Compression) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content, mode) in files {
        add(&mut tar, path, content, *mode)?;
    }
    gzip(&tar.into_inner()?, compression)
}

fn gzip(content: &[u8], compression: Compression) -> io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), compression);
    encoder.write_all(content)?;
    encoder.finish()
}

#[cfg(test)]
mod tests;
