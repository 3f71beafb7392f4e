//! What the statuses of Services say, in the shape of a plan.

use ferrolb_crds::api::Condition;
use ferrolb_crds::api::core::Service;
use ferrolb_crds::domain::{ServiceKey, ServiceView};
use ferrolb_crds::names::CONDITION_ASSIGNED;

use super::report::{Reason, ServicePlan};
use crate::conditions::ASSIGNED;

/// What has been written to the Services. Who announces is not told.
pub(super) fn standing(services: &[Service], class: Option<&str>) -> Vec<ServicePlan> {
    services
        .iter()
        .map(|service| of_service(service, class))
        .collect()
}

fn of_service(service: &Service, class: Option<&str>) -> ServicePlan {
    let view = ServiceView::read(service);
    let ServiceKey { namespace, name } = &view.key;
    let nothing = ServicePlan::absent(namespace, name);
    // An address that another implementation gave a Service of its own is nothing of ours.
    if !view.class.is_ours(class) && view.allocated_from.is_empty() {
        return nothing;
    }
    let (refused, notes) = match service.condition(CONDITION_ASSIGNED) {
        Some(condition) if condition.status == "False" => (Some(reason(condition)), Vec::new()),
        Some(condition) if condition.reason != ASSIGNED => (None, vec![reason(condition)]),
        _ => (None, Vec::new()),
    };
    ServicePlan {
        addresses: view.ingress.iter().collect(),
        pool: view.allocated_from.first,
        refused,
        notes,
        ..nothing
    }
}

fn reason(condition: &Condition) -> Reason {
    Reason::new(&condition.reason, &condition.message)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn service(spec: &Value, annotations: &Value, status: &Value) -> Service {
        let object = json!({
            "metadata": {"name": "web", "namespace": "shop", "annotations": annotations},
            "spec": spec,
            "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}, "conditions": status}});
        serde_json::from_value(object).unwrap()
    }

    fn condition(status: &str, reason: &str) -> Value {
        json!([{"type": "ferrolb.io/Assigned", "status": status, "reason": reason, "message": "so it is",
            "lastTransitionTime": "2026-01-01T00:00:00Z"}])
    }

    #[rstest]
    #[case::of_ours(json!({"type": "LoadBalancer"}), json!({}), true)]
    #[case::of_another_class(json!({"type": "LoadBalancer", "loadBalancerClass": "other"}), json!({}), false)]
    #[case::once_ours(json!({"type": "LoadBalancer", "loadBalancerClass": "other"}), json!({"metallb.io/ip-allocated-from-pool": "lan"}), true)]
    fn addresses_count_where_we_gave_them(
        #[case] spec: Value,
        #[case] annotations: Value,
        #[case] counts: bool,
    ) {
        let plans = standing(&[service(&spec, &annotations, &json!([]))], None);
        assert_eq!(plans[0].addresses.len(), usize::from(counts));
    }

    #[rstest]
    #[case::fine(condition("True", "Assigned"), None, &[])]
    #[case::odd(condition("True", "OutsidePools"), None, &["OutsidePools"])]
    #[case::refused(condition("False", "NoAddress"), Some("NoAddress"), &[])]
    #[case::not_decided_yet(json!([]), None, &[])]
    fn the_condition_is_the_reason(
        #[case] conditions: Value,
        #[case] refused: Option<&str>,
        #[case] notes: &[&str],
    ) {
        let plan = &standing(
            &[service(&json!({"type": "LoadBalancer"}), &json!({}), &conditions)],
            None,
        )[0];
        assert_eq!(plan.refused.as_ref().map(|why| why.reason.as_str()), refused);
        let said: Vec<&str> = plan.notes.iter().map(|note| note.reason.as_str()).collect();
        assert_eq!(said, notes);
    }
}
