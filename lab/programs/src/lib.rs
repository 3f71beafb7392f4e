//! The programs that the lab runs: those of Kubernetes, built from their Go modules and kept outside the tree, and those
//! of this tree. A crate of its own, because it is built in seconds and then starts both builds side by side.

pub mod command;
pub mod error;
mod go;
mod kept;
pub mod progress;
mod sets;
pub mod source;
mod watched;

use std::path::PathBuf;

pub use go::{go, sources};
pub use kept::{Wanted, beside, build, cache, cluster, module_folder, stages};

use error::Result;
use progress::Progress;

/// Builds what is wanted of Kubernetes and the static programs of packages of this tree, side by side: one waits for
/// downloads or links while the other compiles. Returns the folder of the static programs.
///
/// # Errors
/// If either build fails.
pub fn build_all(wanted: Wanted, packages: &[&str], progress: &Progress) -> Result<PathBuf> {
    std::thread::scope(|scope| {
        let kubernetes = scope.spawn(|| build(wanted, progress));
        let ours = source::static_programs(packages, progress);
        match kubernetes.join() {
            Ok(built) => built.and(ours),
            Err(panicked) => std::panic::resume_unwind(panicked),
        }
    })
}
