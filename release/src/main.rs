//! Builds what is published, and prepares a release. `make dist`, `make dist-check` and `make release` call it.
#![allow(clippy::print_stdout)]

mod built;
mod changelog;
mod checklist;
mod compile;
mod dist;
mod edits;
mod emulation;
mod git;
mod krew;
mod prepare;
mod sbom;
mod twice;
mod version;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Parser, Subcommand};

use version::Version;

#[derive(Parser)]
#[command(version, about = "Builds what is published, and prepares a release")]
struct Arguments {
    /// The top of the tree
    #[arg(long, default_value = ".")]
    tree: PathBuf,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the programs for both architectures, the image, the bills of materials and the sums, into dist/
    Dist,
    /// Build all that again in another folder, and compare
    Check,
    /// Set the version everywhere, for a commit that a person makes
    Prepare {
        /// The version, such as 1.2.3
        version: Version,
        /// The image without its tag, if it is to be another one
        #[arg(long)]
        image: Option<String>,
    },
}

fn main() -> Result<()> {
    let Arguments { tree, task } = Arguments::parse();
    let tree: &Path = &tree.canonicalize()?;
    match task {
        Task::Dist => dist::make(tree).map(drop),
        Task::Check => twice::compare(tree),
        Task::Prepare { version, image } => prepare::prepare(tree, &version, image.as_deref()),
    }
}
