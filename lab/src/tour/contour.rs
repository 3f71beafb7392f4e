//! Contour, an implementation of Ingress and Gateway API, from the manifests of its own module.

use std::fs;
use std::path::Path;

use super::load;
use crate::error::{Doing, Result};
use crate::lab::Lab;
use crate::requirements;

const MODULE: &str = "github.com/projectcontour/contour";
const NAMESPACE: &str = "projectcontour";
const CONTOUR: &str = "localhost/contour:1";
const ENVOY: &str = "localhost/envoy:1";
/// Below `examples/` of the module; the configuration is that with a Gateway.
const MANIFESTS: [&str; 11] = [
    "contour/00-common.yaml",
    "contour/01-crds.yaml",
    "contour/02-job-certgen.yaml",
    "contour/02-rbac.yaml",
    "contour/02-role-contour.yaml",
    "contour/02-service-contour.yaml",
    "contour/02-service-envoy.yaml",
    "contour/03-contour.yaml",
    "contour/03-envoy.yaml",
    "gateway/00-crds.yaml",
    "gateway/03-contour-config.yaml",
];

impl Lab {
    /// Installs Contour as its project says, but with the lab's images and one replica, and waits until it runs. Its
    /// Service `envoy` is a load balancer with the policy Local.
    ///
    /// # Errors
    /// If its module cannot be had, or its pods do not start.
    pub fn install_contour(&self) -> Result<()> {
        load(self, &ferrolb_programs::beside("contour")?, CONTOUR)?;
        load(self, &requirements::envoy()?, ENVOY)?;
        let folder = self.state().folder().join("run/contour");
        fs::create_dir_all(&folder).doing(|| format!("make {}", folder.display()))?;
        let examples = ferrolb_programs::sources("contour", MODULE)?.join("examples");
        let mut names = Vec::new();
        for manifest in MANIFESTS {
            let name = manifest.replace('/', "-");
            let text = fs::read(examples.join(manifest)).doing(|| format!("read {manifest} of {MODULE}"))?;
            fs::write(folder.join(&name), text).doing(|| format!("write {name}"))?;
            names.push(name);
        }
        write_kustomization(&folder, &names)?;
        self.kubectl(&["apply", "--server-side", "-k", &folder.to_string_lossy()])?;
        self.rolled_out(NAMESPACE, "deployment/contour")?;
        self.rolled_out(NAMESPACE, "daemonset/envoy")
    }
}

fn write_kustomization(folder: &Path, resources: &[String]) -> Result<()> {
    let image = |from: &str, to: &str| {
        let (name, tag) = to.rsplit_once(':').unwrap_or((to, "latest"));
        serde_json::json!({"name": from, "newName": name, "newTag": tag})
    };
    let kustomization = serde_json::json!({
        "resources": resources,
        "images": [image("ghcr.io/projectcontour/contour", CONTOUR), image("docker.io/envoyproxy/envoy", ENVOY)],
        "replicas": [{"name": "contour", "count": 1}],
    });
    let file = folder.join("kustomization.yaml");
    fs::write(&file, kustomization.to_string()).doing(|| format!("write {}", file.display()))
}
