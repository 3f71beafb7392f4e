use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use crate::add;
use crate::digest::sha256;

/// The files of an OCI image layout, by their paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    files: BTreeMap<String, Vec<u8>>,
}

impl Layout {
    /// Adds what is found by its digest, and returns its descriptor.
    pub(crate) fn add_blob(&mut self, media_type: &str, content: Vec<u8>) -> Value {
        let digest = sha256(&content);
        let size = content.len();
        self.files.insert(format!("blobs/sha256/{digest}"), content);
        json!({"mediaType": media_type, "digest": format!("sha256:{digest}"), "size": size})
    }

    pub(crate) fn finish(&mut self, index: &Value) {
        self.files
            .insert("index.json".into(), index.to_string().into_bytes());
        self.files
            .insert("oci-layout".into(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec());
    }

    /// Path and content of each file, in order.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files
            .iter()
            .map(|(path, content)| (path.as_str(), content.as_slice()))
    }

    /// Writes the layout as one tar file, which `ctr` reads.
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn write_tar(&self, out: impl Write) -> io::Result<()> {
        let mut tar = tar::Builder::new(out);
        for (path, content) in self.files() {
            add(&mut tar, path, content, 0o644)?;
        }
        tar.into_inner()?.flush()
    }

    /// Writes the layout as a folder, which `crane` reads. What is in the folder stays.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write_folder(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder.join("blobs/sha256"))?;
        self.files()
            .try_for_each(|(path, content)| fs::write(folder.join(path), content))
    }
}
