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
    let mut source = |path: PathBuf, named| match bytes(&path) {
        Ok(bytes) => Some(Source {
            path,
            text: text::decode(&bytes),
            named,
        }),
        Err(error) => {
            faults.push(Fault::of_file(&path, error));
            None
        }
    };
    if !path.is_dir() {
        return source(path.to_owned(), true).into_iter().collect();
    }
    match in_folder(path) {
        Ok(files) if files.is_empty() => {
            faults.push(Fault::of_file(path, "holds no .yaml, .yml or .json file"));
            Vec::new()
        }
        Ok(files) => files.into_iter().filter_map(|file| source(file, false)).collect(),
        Err(error) => {
            faults.push(Fault::of_file(path, error));
            Vec::new()
        }
    }
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
    Ok(files)
}
