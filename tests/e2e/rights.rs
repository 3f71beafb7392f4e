//! Rights that are missing: one of the speakers, and some of the person who asks.

use std::fs;

use ferrolb_lab::suite::Outcome;
use ferrolb_lab::{Found, Lab, Machine, source};
use serde_json::Value;

use crate::doctor::{doctor, until_found};
use crate::everywhere::of_a_speaker;
use crate::scene::{SOON, Scene};

/// The speakers' rights without one verb, as long as this lives. Those that run go on: the API server ends no watch for it.
struct Forbidden<'a>(&'a Lab, String);

impl<'a> Forbidden<'a> {
    fn put(lab: &'a Lab) -> std::result::Result<Self, libtest_mimic::Failed> {
        let rights = fs::read_to_string(source::root().join("deploy/speaker-rbac.yaml"))?;
        let rule = "resources: [endpointslices]\n  verbs: [list, watch]";
        assert!(rights.contains(rule), "{rights}");
        lab.apply(&rights.replace(rule, &rule.replace("list, ", "")))?;
        Ok(Self(lab, rights))
    }
}

impl Drop for Forbidden<'_> {
    fn drop(&mut self) {
        if let Err(failed) = self.0.apply(&self.1) {
            eprintln!("the speakers' rights stay changed: {failed}");
        }
    }
}

/// A speaker that starts and may not list what it needs. Others announce its addresses: no Service has anything to say.
pub(crate) fn without_a_verb(lab: &Lab, node: u8) -> Outcome {
    let forbidden = Forbidden::put(lab)?;
    let name = lab.node_name(node);
    let here = format!("--field-selector=spec.nodeName={name}");
    let pods = [
        "delete",
        "pods",
        "-n",
        "metallb-system",
        "-l",
        "component=speaker",
    ];
    lab.kubectl(&[&pods[..], &[&*here]].concat())?;
    let waits = format!("FD07 Node/{name}: its speaker: not ready: endpointslices");
    until_found(lab, 2, &[waits])?;
    let refused = "ferrolb_watch_failures_total{cause=\"forbidden\",resource=\"endpointslices\"}";
    assert!(of_a_speaker(lab, refused)?, "{refused}");
    drop(forbidden);
    Ok(())
}

/// As somebody who may read all but Nodes and cannot ask the speakers.
pub(crate) fn without_a_right(lab: &Lab) -> Outcome {
    let role = "
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: ex-reader}
rules:
- {apiGroups: [''], resources: [services, namespaces, configmaps, pods], verbs: [list]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list]}
- {apiGroups: [metallb.io], resources: ['*'], verbs: [list]}
- {apiGroups: [apps], resources: [daemonsets, deployments], verbs: [list]}
- {apiGroups: [coordination.k8s.io], resources: [leases], verbs: [list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: ex-reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ex-reader}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: ex-reader}]
";
    let _role = Scene::new(lab, role)?;
    let own = lab.kubeconfig_on(Machine::ControlPlane);
    // Beside the other: it names files of its folder.
    let file = tempfile::NamedTempFile::new_in(own.parent().expect("a file"))?;
    let own = fs::read_to_string(own)?;
    let mut kubeconfig: Value = serde_json::from_str(&own)?;
    // Impersonation, which the administrator may do.
    kubeconfig["users"][0]["user"]["as"] = "ex-reader".into();
    fs::write(file.path(), kubeconfig.to_string())?;
    let path = file.path().to_string_lossy().into_owned();
    let (code, answer) = doctor(lab, &["--kubeconfig", &path])?;
    let gaps = answer["not_looked_at"].as_array().cloned().unwrap_or_default();
    let says = |check: &str, why: &str| {
        let mut gaps = gaps.iter();
        gaps.any(|gap| {
            let checks = gap["checks"].as_array().into_iter().flatten();
            checks.into_iter().any(|one| one == check)
                && gap["why"].as_str().unwrap_or_default().contains(why)
        })
    };
    assert!(says("FD07", "may not list nodes"), "{answer}");
    assert!(says("FD15", "pods/portforward"), "{answer}");
    assert_eq!(code, Some(0), "{answer}");
    let archive = tempfile::NamedTempFile::new()?;
    let archive = archive.path().to_string_lossy();
    let Found { code, text, .. } =
        lab.ferrolb_finds(&["support-bundle", "-o", &archive, "--kubeconfig", &path], SOON)?;
    assert!(text.contains("not in it: nodes: may not list nodes"), "{text}");
    assert!(text.contains("not in it: /facts of "), "{text}");
    assert_eq!(code, Some(0), "{text}");
    Ok(())
}
