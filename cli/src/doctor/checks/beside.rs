//! Other load balancers that would write the status of our Services, or answer for their addresses.

use serde_json::Value;

use crate::doctor::finding::Finding;
use crate::doctor::seen::Seen;
use crate::migrate::beside::{id, text};

/// Label of what k3s runs for each Service.
const SERVICELB: &str = "svccontroller.k3s.cattle.io/svcname";

pub(super) fn look(seen: &Seen<'_>) -> Vec<Finding> {
    let workloads = seen.beside.workloads.iter().filter_map(of_workload);
    let policies = seen.beside.cilium_policies.iter().map(|policy| {
        Finding::error(id(policy), "Cilium announces addresses of Services on layer 2 too").remedy(
            "Delete the policy, or give one of both a spec.loadBalancerClass and start FerroLB with --lb-class.",
        )
    });
    workloads.chain(policies).collect()
}

fn of_workload(workload: &Value) -> Option<Finding> {
    let labels = &workload["metadata"]["labels"];
    if let Some(service) = labels[SERVICELB].as_str() {
        let message = format!("k3s runs its own load balancer for Service {service}");
        return Some(
            Finding::error(id(workload), message)
                .at(format!("metadata.labels.{SERVICELB}"), service)
                .remedy("Start k3s with --disable servicelb, or give the Services a spec.loadBalancerClass and start FerroLB with --lb-class."),
        );
    }
    let containers = workload
        .pointer("/spec/template/spec/containers")
        .and_then(Value::as_array);
    let is_kube_vip = |container: &&Value| {
        let environment = container["env"].as_array().into_iter().flatten();
        let mut for_services =
            environment.filter(|one| one["name"] == "svc_enable" && one["value"] == "true");
        text(container, "/image").contains("kube-vip") && for_services.next().is_some()
    };
    containers.into_iter().flatten().find(is_kube_vip).map(|_| {
        Finding::error(id(workload), "kube-vip serves Services too (svc_enable)")
            .at("svc_enable", true)
            .remedy("Set svc_enable to false in kube-vip, or remove it.")
    })
}
