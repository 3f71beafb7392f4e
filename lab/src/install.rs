//! Installing FerroLB, or another implementation of the same API, the way a user does.

use std::fs;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::error::{Doing, Error, Result};
use crate::images;
use crate::lab::Lab;
use crate::source;

const NAMESPACE: &str = "metallb-system";

/// What to install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// A folder with a `kustomization.yaml`.
    pub manifests: PathBuf,
    /// Images to load first, as tar files.
    pub images: Vec<PathBuf>,
}

impl Lab {
    /// Installs FerroLB from this tree: builds the static program and its image, loads it into the nodes, applies
    /// `deploy/` and waits until controller and speakers run.
    ///
    /// # Errors
    /// If the build fails, the API server refuses a manifest, or a pod does not start.
    pub fn install(&self) -> Result<()> {
        self.install_this(&Installation {
            manifests: source::root().join("deploy"),
            images: vec![self.ferrolb_image()?],
        })
    }

    /// Builds FerroLB's image and loads it into the nodes, as if they had pulled it.
    ///
    /// # Errors
    /// If the build fails, or a node refuses the image.
    pub fn load_ferrolb(&self) -> Result<()> {
        self.load(&self.ferrolb_image()?)
    }

    fn ferrolb_image(&self) -> Result<PathBuf> {
        let program = source::static_program("ferrolb")?;
        let image = self.state().folder().join("run/ferrolb.tar");
        let name = images::ferrolb()?.to_string();
        images::write(&program, &name, &[], ferrolb_image::USER, &image)?;
        Ok(image)
    }

    /// Installs what is given and waits until its workloads in the namespace `metallb-system` run. When the images are
    /// not those of the last time, running pods are replaced even if the manifests are the same.
    ///
    /// # Errors
    /// If the API server refuses a manifest, or a pod does not start.
    pub fn install_this(&self, installation: &Installation) -> Result<()> {
        for image in &installation.images {
            self.load(image)?;
        }
        let manifests = installation.manifests.to_string_lossy();
        self.kubectl(&["apply", "-k", &manifests])?;
        let workloads = self.workloads()?;
        if self.images_changed(installation)? {
            for workload in &workloads {
                self.kubectl(&["rollout", "restart", "-n", NAMESPACE, workload])?;
            }
        }
        workloads
            .iter()
            .try_for_each(|workload| self.rolled_out(NAMESPACE, workload))
    }

    fn workloads(&self) -> Result<Vec<String>> {
        let listed = self.kubectl(&["get", "deployments,daemonsets", "-n", NAMESPACE, "-o", "name"])?;
        let workloads: Vec<String> = listed.lines().map(str::to_owned).collect();
        if workloads.is_empty() {
            return Error::refused(format!(
                "the manifests hold no workload in the namespace {NAMESPACE}"
            ));
        }
        Ok(workloads)
    }

    /// Notes which images are installed; true if others were before.
    fn images_changed(&self, installation: &Installation) -> Result<bool> {
        let mut hash = Sha256::new();
        for image in &installation.images {
            hash.update(fs::read(image).doing(|| format!("read {}", image.display()))?);
        }
        let now = hash.finalize().to_vec();
        let note = self.state().installed();
        let before = fs::read(&note).ok();
        fs::write(&note, &now).doing(|| format!("write {}", note.display()))?;
        Ok(before.is_some_and(|before| before != now))
    }
}
