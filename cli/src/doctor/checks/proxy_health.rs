//! Nodes whose kube-proxy is not well. Where none ever answered, something else takes its place.

use ferrolb_speaker::facts::KubeProxy;

use crate::doctor::finding::Finding;
use crate::doctor::seen::Seen;

pub(super) fn look(seen: &Seen<'_>) -> Vec<Finding> {
    let is_used = seen
        .facts
        .values()
        .any(|facts| facts.kube_proxy != KubeProxy::Unknown);
    let mut findings = Vec::new();
    for (node, facts) in seen.nodes() {
        let finding = match facts.kube_proxy.doubt() {
            Some(why) => Finding::error(node, why.to_string()).because(why.word()),
            None if is_used && facts.kube_proxy == KubeProxy::Unknown => Finding::warning(
                node,
                "no kube-proxy answers its health check there, as it does on other nodes".to_owned(),
            ),
            None => continue,
        };
        findings.push(finding.at("http://127.0.0.1:10256/livez", "").remedy(
            "Find out why kube-proxy does not run there: kubectl get pods -n kube-system -l k8s-app=kube-proxy -o wide, and its log.",
        ));
    }
    findings
}
