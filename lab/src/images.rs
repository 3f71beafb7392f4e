//! The lab's images.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use crate::error::{Doing, Result};
use crate::oci::Image;

/// The sandbox of every pod.
pub const PAUSE: &str = "localhost/pause:1";
/// The workload: answers TCP, UDP and HTTP with who it is and who asked.
pub const ECHO: &str = "localhost/echo:1";
/// FerroLB itself.
pub const FERROLB: &str = "localhost/ferrolb:dev";

/// A person without rights in an image.
const NOBODY: &str = "65532:65532";

/// Writes an image of one static program to `out`. The program keeps its file name and is started with `arguments`.
///
/// # Errors
/// If a file cannot be read or written.
pub fn write(program: &Path, name: &str, arguments: &[&str], user: &str, out: &Path) -> Result<()> {
    let content = fs::read(program).doing(|| format!("read {}", program.display()))?;
    let file_name = program.file_name().unwrap_or_default().to_string_lossy();
    let image = Image {
        name,
        program: &file_name,
        arguments,
        content: &content,
        user,
    };
    let file = File::create(out).doing(|| format!("write {}", out.display()))?;
    image
        .write(BufWriter::new(file))
        .doing(|| format!("write {}", out.display()))
}

/// The images that every node gets at its first boot; one program is both.
pub(crate) fn write_workload(echo: &Path, folder: &Path) -> Result<()> {
    write(echo, ECHO, &[], NOBODY, &folder.join("echo.tar"))?;
    write(echo, PAUSE, &["pause"], NOBODY, &folder.join("pause.tar"))
}
