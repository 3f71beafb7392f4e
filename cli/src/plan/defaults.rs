//! What the API server would have filled in.

use ferrolb_crds::api::core::{Namespace, Service, ServiceSpec};
use ferrolb_crds::domain::{Family, ObjectId, Problem};
use kube::ResourceExt;

/// The label that the API server gives every namespace.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Fills in families, cluster addresses and their policy. The addresses themselves do not matter and are
/// unspecified ones. What the API server would refuse is a problem.
pub(super) fn fill_service(service: &mut Service, cluster: &[Family]) -> Option<Problem> {
    let id = ObjectId::new(
        "Service",
        service.namespace().unwrap_or_default(),
        service.name_any(),
    );
    let spec = service.spec.get_or_insert_default();
    spec.type_.get_or_insert_with(|| "ClusterIP".to_owned());
    if spec.type_.as_deref() != Some("LoadBalancer")
        || spec.cluster_ips.is_some()
        || spec.cluster_ip.is_some()
    {
        return None;
    }
    match families(spec, cluster) {
        Ok(families) => {
            spec.ip_families = Some(families.iter().map(ToString::to_string).collect());
            spec.cluster_ips = Some(
                families
                    .iter()
                    .map(|family| unspecified(*family).to_owned())
                    .collect(),
            );
            spec.ip_family_policy.get_or_insert_with(|| {
                if families.len() > 1 {
                    "RequireDualStack".to_owned()
                } else {
                    "SingleStack".to_owned()
                }
            });
            None
        }
        Err(message) => Some(Problem::new(id, message)),
    }
}

/// The families of the Service's cluster addresses (Kubernetes: dual-stack Services).
fn families(spec: &ServiceSpec, cluster: &[Family]) -> Result<Vec<Family>, String> {
    let named = spec.ip_families.iter().flatten().map(|name| {
        Family::from_kubernetes(name)
            .ok_or_else(|| format!("spec.ipFamilies: \"{name}\" is neither IPv4 nor IPv6"))
    });
    let named = named.collect::<Result<Vec<Family>, String>>()?;
    if let Some(absent) = named.iter().find(|family| !cluster.contains(family)) {
        return Err(format!(
            "spec.ipFamilies: the cluster has no {absent} (--cluster-families)"
        ));
    }
    let policy = spec.ip_family_policy.as_deref();
    let both = match policy {
        Some("RequireDualStack") if cluster.len() < 2 => {
            return Err(
                "spec.ipFamilyPolicy: RequireDualStack, but the cluster has one family (--cluster-families)"
                    .to_owned(),
            );
        }
        Some("RequireDualStack" | "PreferDualStack") => cluster.len() > 1,
        Some("SingleStack") if named.len() > 1 => {
            return Err("spec.ipFamilyPolicy: SingleStack, but spec.ipFamilies holds two".to_owned());
        }
        Some("SingleStack") => false,
        Some(other) => return Err(format!("spec.ipFamilyPolicy: \"{other}\" is not a policy")),
        None => named.len() > 1,
    };
    let first = named.first().or(cluster.first()).copied().unwrap_or(Family::V4);
    Ok(if both {
        vec![first, first.other()]
    } else {
        vec![first]
    })
}

fn unspecified(family: Family) -> &'static str {
    match family {
        Family::V4 => "0.0.0.0",
        Family::V6 => "::",
    }
}

/// Gives a namespace the label that all have.
pub(super) fn fill_namespace(namespace: &mut Namespace) {
    let name = namespace.name_any();
    namespace.labels_mut().insert(NAMESPACE_NAME.to_owned(), name);
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    const DUAL: &[Family] = &[Family::V4, Family::V6];
    const SIX_FIRST: &[Family] = &[Family::V6, Family::V4];
    const SINGLE: &[Family] = &[Family::V4];

    #[rstest]
    #[case::nothing_said(json!({}), DUAL, Ok(vec!["IPv4"]))]
    #[case::the_default_family_comes_first(json!({}), SIX_FIRST, Ok(vec!["IPv6"]))]
    #[case::prefer(json!({"ipFamilyPolicy": "PreferDualStack"}), DUAL, Ok(vec!["IPv4", "IPv6"]))]
    #[case::prefer_on_one_family(json!({"ipFamilyPolicy": "PreferDualStack"}), SINGLE, Ok(vec!["IPv4"]))]
    #[case::prefer_with_the_first_named(json!({"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv6"]}), DUAL, Ok(vec!["IPv6", "IPv4"]))]
    #[case::require(json!({"ipFamilyPolicy": "RequireDualStack"}), DUAL, Ok(vec!["IPv4", "IPv6"]))]
    #[case::one_family_named(json!({"ipFamilies": ["IPv6"]}), DUAL, Ok(vec!["IPv6"]))]
    #[case::two_families_named(json!({"ipFamilies": ["IPv6", "IPv4"]}), DUAL, Ok(vec!["IPv6", "IPv4"]))]
    #[case::require_on_one_family(json!({"ipFamilyPolicy": "RequireDualStack"}), SINGLE, Err("spec.ipFamilyPolicy: RequireDualStack, but the cluster has one family (--cluster-families)"))]
    #[case::a_family_the_cluster_has_not(json!({"ipFamilies": ["IPv6"]}), SINGLE, Err("spec.ipFamilies: the cluster has no IPv6 (--cluster-families)"))]
    fn families_are_filled_in(
        #[case] mut spec: Value,
        #[case] cluster: &[Family],
        #[case] expected: Result<Vec<&str>, &str>,
    ) {
        spec["type"] = json!("LoadBalancer");
        let object = json!({ "metadata": { "name": "web", "namespace": "shop" }, "spec": spec });
        let mut service: Service = serde_json::from_value(object).unwrap();
        let problem = fill_service(&mut service, cluster).map(|problem| problem.message);
        let families = service.spec.unwrap().ip_families.unwrap_or_default();
        match expected {
            Ok(expected) => assert_eq!(
                (families, problem),
                (expected.into_iter().map(str::to_owned).collect(), None)
            ),
            Err(message) => assert_eq!(problem.as_deref(), Some(message)),
        }
    }
}
