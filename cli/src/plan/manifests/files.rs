//! What the user names → the files to read.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::decode::Fault;
use super::text;

const SUFFIXES: [&str; 3] = ["yaml", "yml", "json"];

/// The name of standard input, as for kubectl.
const STDIN: &str = "-";

/// A file that was read.
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) text: String,
    /// Named by the user, and not just one in a folder.
    pub(super) named: bool,
}

/// The file, or the manifests of the folder in the order of their names; folders below it are left out, as `kubectl -f` does.
pub(super) fn read(path: &Path, faults: &mut Vec<Fault>) -> Vec<Source> {
    let named = !path.is_dir();
    let files = match named {
        true => Ok(vec![path.to_owned()]),
        false => in_folder(path),
    };
    let files = files.unwrap_or_else(|error| {
        faults.push(Fault::of_file(path, error));
        Vec::new()
    });
    let source = |path: PathBuf| match bytes(&path) {
        Ok(bytes) => {
            let text = text::decode(&bytes);
            Some(Source { path, text, named })
        }
        Err(error) => {
            faults.push(Fault::of_file(&path, error));
            None
        }
    };
    files.into_iter().filter_map(source).collect()
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    if path == Path::new(STDIN) {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    fs::read(path)
}

fn in_folder(path: &Path) -> io::Result<Vec<PathBuf>> {
    let is_manifest = |file: &PathBuf| {
        let suffix = file.extension().and_then(|suffix| suffix.to_str());
        file.is_file() && suffix.is_some_and(|suffix| SUFFIXES.contains(&suffix))
    };
    let entries = fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
    let mut files: Vec<PathBuf> = entries
        .into_iter()
        .map(|entry| entry.path())
        .filter(is_manifest)
        .collect();
    files.sort();
    match files.is_empty() {
        true => Err(io::Error::other("holds no .yaml, .yml or .json file")),
        false => Ok(files),
    }
}
