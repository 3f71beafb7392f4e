//! The lab's images.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;
use std::process::Command;

use ferrolb_image::{Compression, Image, Platform, Reference};

use crate::command::{USUAL, outcome};
use crate::error::{Doing, Error, Result};
use crate::source;

/// The sandbox of every pod.
pub const PAUSE: &str = "localhost/pause:1";
/// The workload: answers TCP, UDP and HTTP with who it is and who asked.
pub const ECHO: &str = "localhost/echo:1";

/// A person without rights in an image.
pub(crate) const NOBODY: &str = "65532:65532";

/// The image that the manifests of this tree run.
///
/// # Errors
/// If `deploy/kustomization.yaml` cannot be read or names no image.
pub fn ferrolb() -> Result<Reference> {
    let file = source::root().join("deploy/kustomization.yaml");
    let text = fs::read_to_string(&file).doing(|| format!("read {}", file.display()))?;
    Reference::in_kustomization(&text).map_err(|bad| Error::Refused(format!("{}: {bad}", file.display())))
}

/// Writes an image of one static program to `out`. The program keeps its file name and is started with `arguments`.
///
/// # Errors
/// If a file cannot be read or written.
pub fn write(program: &Path, name: &str, arguments: &[&str], user: &str, out: &Path) -> Result<()> {
    let platform = Platform {
        architecture: "amd64",
        content: &read(program)?,
        beside: &[],
    };
    let image = Image {
        name,
        program: &file_name(program),
        arguments,
        user,
        created: "",
        labels: &BTreeMap::new(),
        platforms: &[platform],
        compression: Compression::fast(),
    };
    write_image(&image, out)
}

/// Writes an image of a program in `/bin`, where a search path finds it, with the shared libraries that it names.
///
/// # Errors
/// If a file cannot be read or written, or a library is missing.
pub(crate) fn write_with_libraries(program: &Path, name: &str, out: &Path) -> Result<()> {
    let platform = Platform {
        architecture: "amd64",
        content: &read(program)?,
        beside: &libraries(program)?,
    };
    let image = Image {
        name,
        program: &format!("bin/{}", file_name(program)),
        arguments: &[],
        user: NOBODY,
        created: "",
        labels: &BTreeMap::new(),
        platforms: &[platform],
        compression: Compression::fast(),
    };
    write_image(&image, out)
}

/// Writes an image as one tar file.
///
/// # Errors
/// If the file cannot be written.
pub fn write_image(image: &Image<'_>, out: &Path) -> Result<()> {
    let write = || image.layout()?.write_tar(BufWriter::new(File::create(out)?));
    write().doing(|| format!("write {}", out.display()))
}

/// What `ldd` names; nothing of a static program.
fn libraries(program: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let listed = outcome(Command::new("ldd").arg(program), "", USUAL)?.stdout;
    let files = listed
        .split_whitespace()
        .filter_map(|word| word.strip_prefix('/'));
    let file = |path: &str| Ok((path.to_owned(), read(&Path::new("/").join(path))?));
    files.map(file).collect()
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).doing(|| format!("read {}", file.display()))
}

fn file_name(program: &Path) -> String {
    program
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// The images that every node gets at its first boot; one program is both.
pub(crate) fn write_workload(echo: &Path, folder: &Path) -> Result<()> {
    write(echo, ECHO, &[], NOBODY, &folder.join("echo.tar"))?;
    write(echo, PAUSE, &["pause"], NOBODY, &folder.join("pause.tar"))
}
