//! The speakers use the network of their node and a raw socket: only the level `privileged` admits that.

use ferrolb_crds::api::core::Namespace;

use crate::doctor::finding::Finding;
use crate::doctor::seen::Seen;
use crate::objects::id;

const ENFORCE: &str = "pod-security.kubernetes.io/enforce";

pub(super) fn look(seen: &Seen<'_>) -> Vec<Finding> {
    let objects = &seen.evidence.objects;
    let ours = objects
        .namespaces
        .iter()
        .filter(|one| one.metadata.name.as_deref() == Some(seen.installation));
    let finding = |namespace: &Namespace| {
        let level = namespace.metadata.labels.as_ref()?.get(ENFORCE)?;
        (level != "privileged").then(|| {
            Finding::error(
                id(namespace),
                format!("admits no new pods of the speakers: Pod Security level {level} is enforced"),
            )
            .at(format!("metadata.labels.{ENFORCE}"), level)
            .remedy(format!(
                "kubectl label namespace {} --overwrite {ENFORCE}=privileged",
                seen.installation
            ))
        })
    };
    ours.filter_map(finding).collect()
}
