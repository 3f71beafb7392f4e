//! Writes an image of one static program: an OCI image layout in a tar file, the same bytes for the same program.
//!
//! Layout, index, manifest and configuration are those of the OCI image specification 1.1; the annotation
//! `io.containerd.image.name` is what `ctr images import` names the image by.

use std::io::{self, Write};

use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What goes into an image.
#[derive(Debug, Clone, Copy)]
pub struct Image<'a> {
    /// `localhost/NAME:TAG`. With a tag other than `latest` a node never tries to pull it.
    pub name: &'a str,
    /// Where the program lies, without a slash at the beginning; it is the entry point.
    pub program: &'a str,
    /// Its first arguments; those of a pod's container follow.
    pub arguments: &'a [&'a str],
    /// The program itself.
    pub content: &'a [u8],
    /// What lies beside it, such as libraries: path without a slash at the beginning, and content.
    pub beside: &'a [(String, Vec<u8>)],
    /// `UID:GID`, or empty for root.
    pub user: &'a str,
}

struct Blob {
    digest: String,
    content: Vec<u8>,
}

impl Blob {
    fn new(content: Vec<u8>) -> Self {
        Self {
            digest: digest(&content),
            content,
        }
    }

    fn descriptor(&self, kind: &str) -> Value {
        let kind = format!("application/vnd.oci.image.{kind}");
        json!({"mediaType": kind, "digest": format!("sha256:{}", self.digest), "size": self.content.len()})
    }
}

impl Image<'_> {
    /// The image as one tar file.
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn write(&self, out: impl Write) -> io::Result<()> {
        let layer = self.layer()?;
        let packed = Blob::new(gzip(&layer)?);
        let config = Blob::new(self.config(&digest(&layer)).to_string().into_bytes());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config.descriptor("config.v1+json"),
            "layers": [packed.descriptor("layer.v1.tar+gzip")],
        });
        let manifest = Blob::new(manifest.to_string().into_bytes());
        let mut tar = tar::Builder::new(out);
        add(
            &mut tar,
            "oci-layout",
            br#"{"imageLayoutVersion":"1.0.0"}"#,
            0o644,
        )?;
        add(
            &mut tar,
            "index.json",
            self.index(&manifest).to_string().as_bytes(),
            0o644,
        )?;
        for blob in [&packed, &config, &manifest] {
            add(
                &mut tar,
                &format!("blobs/sha256/{}", blob.digest),
                &blob.content,
                0o644,
            )?;
        }
        tar.into_inner()?.flush()
    }

    fn layer(&self) -> io::Result<Vec<u8>> {
        let mut tar = tar::Builder::new(Vec::new());
        add(&mut tar, self.program, self.content, 0o755)?;
        for (path, content) in self.beside {
            add(&mut tar, path, content, 0o755)?;
        }
        tar.into_inner()
    }

    fn config(&self, layer_digest: &str) -> Value {
        let program = format!("/{}", self.program);
        let entrypoint: Vec<&str> = std::iter::once(program.as_str())
            .chain(self.arguments.iter().copied())
            .collect();
        json!({
            "architecture": "amd64",
            "os": "linux",
            "config": {"Entrypoint": entrypoint, "User": self.user, "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer_digest}")]},
        })
    }

    fn index(&self, manifest: &Blob) -> Value {
        let mut descriptor = manifest.descriptor("manifest.v1+json");
        let tag = self.name.rsplit_once(':').map_or("latest", |(_, tag)| tag);
        descriptor["annotations"] =
            json!({"io.containerd.image.name": self.name, "org.opencontainers.image.ref.name": tag});
        json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [descriptor],
        })
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

fn gzip(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::fast());
    encoder.write_all(content)?;
    encoder.finish()
}

fn digest(content: &[u8]) -> String {
    Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests;
