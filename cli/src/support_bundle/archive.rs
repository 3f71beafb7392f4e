//! The archive itself: a tar file, packed by gzip.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

/// All files are in this folder.
pub(super) const FOLDER: &str = "ferrolb-support-bundle";

/// Files by path and content, made at this time (seconds since 1970).
///
/// # Errors
/// A path is too long for a tar file.
pub(super) fn packed(files: &[(String, String)], at_unix_seconds: u64) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(at_unix_seconds);
        tar.append_data(&mut header, format!("{FOLDER}/{path}"), content.as_bytes())?;
    }
    let mut packed = tar.into_inner()?.finish()?;
    packed.flush()?;
    Ok(packed)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn what_is_packed_is_there_when_it_is_unpacked() {
        let long = format!("logs/{}.log", "x".repeat(200));
        let files = [
            ("index.json".to_owned(), "{}".to_owned()),
            (long, "line\n".to_owned()),
        ];
        let packed = packed(&files, 1_700_000_000).unwrap();
        let mut tar = tar::Archive::new(GzDecoder::new(packed.as_slice()));
        let read = tar.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().to_string_lossy().into_owned();
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            (
                path.strip_prefix("ferrolb-support-bundle/").unwrap().to_owned(),
                content,
            )
        });
        assert_eq!(read.collect::<Vec<_>>(), files);
    }
}
