//! Writes that do not land.

use std::time::Duration;

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Result, wait};

use crate::pair::Pair;
use crate::scene::{SOON, Scene, decided, event, ip, pool, reason, service, versions};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_service_whose_status_is_always_refused_delays_no_other",
            always_refused,
        ),
        trial(
            "a_status_that_another_keeps_writing_is_left_to_him_and_said_so",
            another_writer,
        ),
    ]
}

const POLICY: &str = r#"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: no-status}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], operations: [UPDATE], resources: [services/status]}
  validations:
  - expression: 'object.metadata.name != "unlucky"'
    message: nobody writes this status
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: no-status}
spec: {policyName: no-status, validationActions: [Deny]}
"#;

fn always_refused(lab: &Lab) -> Outcome {
    let policy = Scene::new(lab, POLICY)?;
    let _pool = Scene::new(lab, pool("refused", "192.0.2.100-192.0.2.130", ""))?;
    let unlucky = Scene::new(lab, service("unlucky", "", ""))?;
    policy_works(lab)?;
    let _pair = Pair::single(lab)?;
    let names: Vec<String> = (0..20).map(|number| format!("lucky-{number}")).collect();
    let services: String = names.iter().map(|name| service(name, "", "")).collect();
    let _lucky = Scene::new(lab, services)?;
    for name in &names {
        lab.assigned(name, 1, SOON)?;
    }
    assert_eq!(lab.external_addresses("unlucky")?, Vec::<std::net::IpAddr>::new());
    drop(policy);
    lab.assigned("unlucky", 1, Duration::from_secs(90))?;
    drop(unlucky);
    Ok(())
}

/// A policy works only some time after it was accepted.
fn policy_works(lab: &Lab) -> Result<()> {
    let attempt = [
        "patch",
        "service",
        "unlucky",
        "--subresource=status",
        "--type=merge",
        "--dry-run=server",
    ];
    let patch = r#"{"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.100"}]}}}"#;
    wait::until("the policy to refuse", SOON, || {
        let refused = lab.kubectl(&[&attempt[..], &["-p", patch]].concat()).is_err();
        Ok(refused.then_some(()))
    })
}

fn another_writer(lab: &Lab) -> Outcome {
    let _pair = Pair::single(lab)?;
    let _scene = Scene::new(
        lab,
        pool("disputed", "192.0.2.140/32", "") + &service("disputed", "", ""),
    )?;
    lab.assigned("disputed", 1, SOON)?;
    let theirs = ip("203.0.113.77");
    lab.overrule_until_left("disputed", theirs, SOON)?;
    assert!(
        lab.why("disputed").contains("other-lb"),
        "{}",
        lab.why("disputed")
    );
    event(lab, "disputed", "StatusDisputed", "other-lb")?;
    let before = versions(lab)?;
    let _marker = decided(lab, "after-dispute", SOON)?;
    assert!(before.is_subset(&versions(lab)?), "it is left alone");
    assert_eq!(lab.external_addresses("disputed")?, [theirs]);
    // The other goes away, and takes along what it wrote.
    let patch = [
        "patch",
        "service",
        "disputed",
        "--subresource=status",
        "--type=merge",
    ];
    let emptied = [
        "--field-manager=other-lb",
        "-p",
        r#"{"status": {"loadBalancer": null}}"#,
    ];
    lab.kubectl(&[&patch[..], &emptied].concat())?;
    wait::until_seen("our address again", Duration::from_secs(90), || {
        let held = lab.external_addresses("disputed")?;
        Ok(if held == [ip("192.0.2.140")] {
            Ok(())
        } else {
            Err(format!("{held:?}"))
        })
    })?;
    reason(lab, "disputed", "Assigned", SOON)?;
    Ok(())
}
