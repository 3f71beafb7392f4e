//! What the API server would have filled in.

use std::collections::BTreeSet;

use ferrolb_crds::api::core::{Namespace, Service, ServicePort, ServiceSpec};
use ferrolb_crds::domain::Family;
use kube::ResourceExt;

use crate::cluster::family_of;
use crate::objects::{Objects, id};
use crate::problem::Problem;

/// The label that the API server gives every namespace.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// The families of a cluster's Service addresses, the default one first.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClusterFamilies<'a> {
    pub(super) all: &'a [Family],
    /// Nobody said so.
    pub(super) assumed: bool,
}

/// Fills in type, families, cluster addresses and their policy. Addresses that the Service does not name do not matter and are
/// unspecified ones. What the API server would refuse is a problem, and so is a wish that is not met.
pub(super) fn fill_service(service: &mut Service, cluster: ClusterFamilies<'_>) -> Option<Problem> {
    let id = id(service);
    let spec = service.spec.get_or_insert_default();
    if spec.type_.as_deref().is_none_or(str::is_empty) {
        spec.type_ = Some("ClusterIP".to_owned());
    }
    let unsaid = |port: &&mut ServicePort| port.protocol.as_deref() == Some("");
    for port in spec.ports.iter_mut().flatten().filter(unsaid) {
        port.protocol = None;
    }
    if spec.type_.as_deref() != Some("LoadBalancer") {
        return None;
    }
    // The API server adds no family to a Service that it has, unless it is told to.
    if service.metadata.uid.is_some() && !pinned(spec).is_empty() {
        return None;
    }
    // A refusal is told as a hint is.
    let message = fill_families(spec, cluster).unwrap_or_else(Some)?;
    Some(Problem::new(id, message))
}

/// As `initIPFamilyFields` of the API server does for a new Service. A hint if it has fewer families than it may want.
fn fill_families(spec: &mut ServiceSpec, cluster: ClusterFamilies<'_>) -> Result<Option<String>, String> {
    let pinned = pinned(spec);
    let has = |family: Family| {
        cluster.all.contains(&family)
            || (cluster.assumed && pinned.iter().any(|one| family_of(one) == Some(family)))
    };
    let mut families = named(spec)?;
    let both = has(Family::V4) && has(Family::V6);
    let policy = spec
        .ip_family_policy
        .get_or_insert_with(|| "SingleStack".to_owned())
        .clone();
    let want_both = match policy.as_str() {
        "SingleStack" => false,
        "PreferDualStack" | "RequireDualStack" => true,
        other => return Err(format!("spec.ipFamilyPolicy: \"{other}\" is not a policy")),
    };
    if families.len().max(pinned.len()) > 1 && !want_both {
        return Err("spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified".to_owned());
    }
    for address in pinned.iter().skip(families.len()) {
        families.extend(family_of(address));
    }
    if let Some(absent) = families.iter().find(|family| !has(**family)) {
        return Err(format!(
            "spec.ipFamilies: the cluster has no {absent} (--cluster-families)"
        ));
    }
    if policy == "RequireDualStack" && !both {
        return Err(
            "spec.ipFamilyPolicy: RequireDualStack, but the cluster has one family (--cluster-families)"
                .to_owned(),
        );
    }
    let first = *families.first().or(cluster.all.first()).unwrap_or(&Family::V4);
    let mut families = vec![first];
    if want_both && both {
        families.push(first.other());
    }
    spec.ip_families = Some(families.iter().map(ToString::to_string).collect());
    let unspecified = families.iter().map(|family| match family {
        Family::V4 => "0.0.0.0".to_owned(),
        Family::V6 => "::".to_owned(),
    });
    let named = pinned.iter().take(families.len()).cloned();
    spec.cluster_ips = Some(named.chain(unspecified.skip(pinned.len())).collect());
    spec.cluster_ip = spec.cluster_ips.as_ref().and_then(|all| all.first().cloned());
    let hint = policy == "PreferDualStack" && families.len() == 1 && cluster.assumed;
    Ok(hint.then(|| {
        format!("spec.ipFamilyPolicy: PreferDualStack, and the cluster is taken to have {first} only: --cluster-families says what it has")
    }))
}

/// The cluster addresses that the Service names: an empty text asks for any.
fn pinned(spec: &ServiceSpec) -> Vec<String> {
    let of_list = spec.cluster_ips.clone().unwrap_or_default();
    let all = if of_list.is_empty() {
        spec.cluster_ip.iter().cloned().collect()
    } else {
        of_list
    };
    all.into_iter().filter(|address| !address.is_empty()).collect()
}

fn named(spec: &ServiceSpec) -> Result<Vec<Family>, String> {
    let read = |name: &String| {
        name.parse()
            .map_err(|_| format!("spec.ipFamilies: \"{name}\" is neither IPv4 nor IPv6"))
    };
    spec.ip_families.iter().flatten().map(read).collect()
}

/// Gives each namespace the label that all have, also those that the manifests only name.
pub(super) fn fill_namespaces(objects: &mut Objects) {
    let known: BTreeSet<String> = objects.namespaces.iter().map(ResourceExt::name_any).collect();
    let named: BTreeSet<String> = objects
        .services
        .iter()
        .filter_map(ResourceExt::namespace)
        .collect();
    for name in named.difference(&known) {
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some(name.clone());
        objects.namespaces.push(namespace);
    }
    for namespace in &mut objects.namespaces {
        let name = namespace.name_any();
        namespace.labels_mut().insert(NAMESPACE_NAME.to_owned(), name);
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    const DUAL: &[Family] = &[Family::V4, Family::V6];
    const SIX_FIRST: &[Family] = &[Family::V6, Family::V4];
    const SINGLE: &[Family] = &[Family::V4];

    #[test]
    fn a_wish_for_both_on_an_assumed_family_gets_a_hint() {
        let object = json!({ "metadata": { "name": "web", "namespace": "shop" },
            "spec": { "type": "LoadBalancer", "ipFamilyPolicy": "PreferDualStack" } });
        let mut service: Service = serde_json::from_value(object).unwrap();
        let assumed = ClusterFamilies {
            all: SINGLE,
            assumed: true,
        };
        let hint = fill_service(&mut service, assumed).unwrap();
        assert!(hint.message.contains("--cluster-families"), "{}", hint.message);
    }

    #[test]
    fn a_service_that_exists_keeps_its_one_family() {
        let object = json!({ "metadata": { "name": "web", "uid": "1" }, "spec": { "type": "LoadBalancer",
            "ipFamilyPolicy": "PreferDualStack", "clusterIPs": ["203.0.113.10"], "ipFamilies": ["IPv4"] } });
        let mut service: Service = serde_json::from_value(object).unwrap();
        let both = ClusterFamilies {
            all: DUAL,
            assumed: false,
        };
        assert_eq!(fill_service(&mut service, both), None);
        assert_eq!(service.spec.unwrap().cluster_ips.unwrap(), ["203.0.113.10"]);
    }

    #[test]
    fn addresses_of_a_cluster_show_its_families() {
        let object = json!({ "metadata": { "name": "web" }, "spec": { "type": "LoadBalancer", "ipFamilyPolicy": "RequireDualStack",
            "clusterIPs": ["203.0.113.10", "2001:db8:9::1"], "ipFamilies": ["IPv4", "IPv6"] } });
        let mut service: Service = serde_json::from_value(object).unwrap();
        let assumed = ClusterFamilies {
            all: SINGLE,
            assumed: true,
        };
        assert_eq!(fill_service(&mut service, assumed), None);
        assert_eq!(service.spec.unwrap().cluster_ips.unwrap().len(), 2);
    }

    #[rstest]
    #[case::nothing_said(json!({}), DUAL, Ok(vec!["IPv4"]))]
    #[case::the_default_family_comes_first(json!({}), SIX_FIRST, Ok(vec!["IPv6"]))]
    #[case::prefer(json!({"ipFamilyPolicy": "PreferDualStack"}), DUAL, Ok(vec!["IPv4", "IPv6"]))]
    #[case::prefer_on_one_family(json!({"ipFamilyPolicy": "PreferDualStack"}), SINGLE, Ok(vec!["IPv4"]))]
    #[case::prefer_with_the_first_named(json!({"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv6"]}), DUAL, Ok(vec!["IPv6", "IPv4"]))]
    #[case::require(json!({"ipFamilyPolicy": "RequireDualStack"}), DUAL, Ok(vec!["IPv4", "IPv6"]))]
    #[case::one_family_named(json!({"ipFamilies": ["IPv6"]}), DUAL, Ok(vec!["IPv6"]))]
    #[case::two_families_named(json!({"ipFamilies": ["IPv6", "IPv4"], "ipFamilyPolicy": "PreferDualStack"}), DUAL, Ok(vec!["IPv6", "IPv4"]))]
    #[case::two_families_named_without_a_policy(json!({"ipFamilies": ["IPv6", "IPv4"]}), DUAL, Err("spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified"))]
    #[case::any_cluster_address(json!({"clusterIP": ""}), DUAL, Ok(vec!["IPv4"]))]
    #[case::pinned(json!({"clusterIP": "2001:db8:9::1"}), DUAL, Ok(vec!["IPv6"]))]
    #[case::pinned_and_both(json!({"clusterIP": "203.0.113.10", "ipFamilyPolicy": "RequireDualStack"}), DUAL, Ok(vec!["IPv4", "IPv6"]))]
    #[case::pinned_and_both_preferred(json!({"clusterIP": "203.0.113.10", "ipFamilyPolicy": "PreferDualStack"}), SINGLE, Ok(vec!["IPv4"]))]
    #[case::pinned_to_a_family_the_cluster_has_not(json!({"clusterIP": "2001:db8:9::1"}), SINGLE, Err("spec.ipFamilies: the cluster has no IPv6 (--cluster-families)"))]
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
        let cluster = ClusterFamilies {
            all: cluster,
            assumed: false,
        };
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
