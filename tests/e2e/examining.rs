//! `ferrolb doctor` finds what is broken, in the words of `ferrolb explain`, and nothing in a cluster that is well.

use std::fs;
use std::process::Command;

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Found, Lab, Machine, Result, source, wait};
use serde_json::{Deserializer, Value};

use crate::everywhere::series;
use crate::explaining::{LABEL, Labels};
use crate::scene::{SOON, Scene, pool, service};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "doctor_finds_nothing_in_a_healthy_cluster_and_each_thing_that_is_broken_by_its_number",
        examine,
    )]
}

/// The exit code and the answer.
pub(crate) fn doctor(lab: &Lab, more: &[&str]) -> Result<(Option<i32>, Value)> {
    let arguments = [&["doctor", "-o", "json"], more].concat();
    let Found { code, text, .. } = lab.ferrolb_finds(&arguments, SOON)?;
    // What it says on standard error follows.
    let answer = Deserializer::from_str(&text).into_iter::<Value>().next();
    Ok((
        code,
        answer
            .and_then(std::result::Result::ok)
            .unwrap_or(Value::String(text)),
    ))
}

/// All findings, each as `FD01 Object: message`.
pub(crate) fn lines(answer: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let sections = answer["checks"].as_array().into_iter().flatten();
    let of = |section: &Value| {
        let findings = section["findings"].as_array().cloned().unwrap_or_default();
        let number = text(&section["check"]);
        let line = move |one: Value| format!("{number} {}: {}", text(&one["object"]), text(&one["message"]));
        findings.into_iter().map(line)
    };
    sections.flat_map(of).collect()
}

/// Waits until it finds all of these, with this exit code.
pub(crate) fn until_found(lab: &Lab, code: i32, expected: &[String]) -> Result<()> {
    wait::until_seen(&format!("doctor to find {expected:?}"), SOON * 2, || {
        finds(lab, code, expected)
    })
}

/// Whether it finds all of these now, with this exit code; what it finds instead.
fn finds(lab: &Lab, code: i32, expected: &[String]) -> Result<std::result::Result<(), String>> {
    let (ended, answer) = doctor(lab, &[])?;
    let found = lines(&answer);
    let all = expected
        .iter()
        .all(|line| found.iter().any(|one| one.starts_with(line)));
    let nothing_else = !expected.is_empty() || answer["checks"] == Value::Array(Vec::new());
    Ok(if ended == Some(code) && all && nothing_else {
        Ok(())
    } else {
        Err(format!("{ended:?}: {found:?}, not {expected:?}"))
    })
}

/// What `ferrolb explain` says of a Service is the same; `code` is that with which doctor ends.
pub(crate) fn in_the_words_of_explain(lab: &Lab, code: i32, number: &str, name: &str) -> Outcome {
    let subject = format!("svc/default/{name}");
    // Meanwhile another node may have taken the word.
    wait::until_seen(
        &format!("doctor to say of {name} what explain says"),
        SOON * 2,
        || {
            let Found { text, .. } = lab.ferrolb_finds(&["explain", &subject, "-o", "json"], SOON)?;
            let explanation = Deserializer::from_str(&text).into_iter::<Value>().next();
            let explanation = explanation.and_then(std::result::Result::ok).unwrap_or_default();
            match explanation["causes"][0]["message"].as_str() {
                None => Ok(Err(text)),
                Some(message) => finds(
                    lab,
                    code,
                    &[format!("{number} Service/default/{name}: {message}")],
                ),
            }
        },
    )?;
    Ok(())
}

/// Runs a line on a node's network.
pub(crate) fn on_node(lab: &Lab, node: u8, line: &str) -> Outcome {
    let ended = lab.in_machine(Machine::Node(node), || {
        Command::new("sh").args(["-ec", line]).output()
    })??;
    assert!(
        ended.status.success(),
        "{line}: {}",
        String::from_utf8_lossy(&ended.stderr)
    );
    Ok(())
}

fn examine(lab: &Lab) -> Outcome {
    let _well = Scene::new(
        lab,
        pool("ex-well", "192.0.2.230/32") + &service("ex-well", "ex-well", ""),
    )?;
    let address = lab.assigned("ex-well", 1, SOON)?[0];
    lab.announced(address, SOON, |_| true)?;
    until_found(lab, 0, &[])?;
    services(lab)?;
    until_found(lab, 0, &[])?;
    nodes(lab)?;
    until_found(lab, 0, &[])?;
    without_a_right(lab)
}

/// Services that are wrong, and pools.
fn services(lab: &Lab) -> Outcome {
    let quiet = "
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: ex-quiet, namespace: metallb-system}
spec: {autoAssign: false, addresses: [192.0.2.231/32]}
";
    let _scene = Scene::new(
        lab,
        [
            quiet,
            &pool("ex-small", "192.0.2.232/32"),
            &pool("ex-idle", "192.0.2.233/32"),
            &service("ex-quiet", "ex-quiet", ""),
            &service("ex-first", "ex-small", ""),
            &service("ex-class", "ex-small", "loadBalancerClass: example.com/other"),
            &service("ex-idle", "ex-idle", "").replace("app: echo", "app: nobody"),
        ]
        .concat(),
    )?;
    lab.assigned("ex-first", 1, SOON)?;
    let _late = Scene::new(lab, service("ex-full", "ex-small", ""))?;
    let quiet = "FD09 IPAddressPool/metallb-system/ex-quiet: no L2Advertisement selects pool ex-quiet";
    until_found(lab, 2, &[quiet.to_owned()])?;
    for (number, name) in [
        ("FD01", "ex-full"),
        ("FD02", "ex-quiet"),
        ("FD02", "ex-idle"),
        ("FD04", "ex-class"),
    ] {
        in_the_words_of_explain(lab, 2, number, name)?;
    }
    Ok(())
}

/// Nodes that are wrong, and what is between them.
fn nodes(lab: &Lab) -> Outcome {
    {
        let _excluded = Labels::put(lab, lab.plan().nodes(), LABEL)?;
        until_found(lab, 1, &["FD08 Node/*: every node carries the label".to_owned()])?;
    }
    let unheard = lab.unhear(1, 2)?;
    let (one, other) = (lab.node_name(1), lab.node_name(2));
    let deaf =
        |from: &str, to: &str| format!("FD15 Node/{from}: its speaker does not hear node {to} on eth0");
    until_found(lab, 2, &[deaf(&one, &other), deaf(&other, &one)])?;
    // The third hears both and vouches for them, so no address has two holders: no Service has anything to say.
    let two_up = "ferrolb_segment_nodes_up{interface=\"eth0\"} 2";
    assert!(series(lab, two_up)?, "{two_up}");
    unheard.heal()?;
    strict_reverse_path(lab, 3, || {
        let strict = format!("FD17 Node/{}: the kernel drops packets", lab.node_name(3));
        until_found(lab, 2, &[strict])
    })?;
    without_a_verb(lab, 3)
}

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
fn without_a_verb(lab: &Lab, node: u8) -> Outcome {
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
    assert!(series(lab, refused)?, "{refused}");
    drop(forbidden);
    Ok(())
}

/// Does this while the node filters strictly, and its default route leaves by another interface.
pub(crate) fn strict_reverse_path(lab: &Lab, node: u8, during: impl FnOnce() -> Result<()>) -> Outcome {
    let kept = format!("/run/ferrolb-route-{}", std::process::id());
    on_node(
        lab,
        node,
        &format!(
            "ip route show default | head -1 > {kept}; ip link add veth-fd17 type veth peer name veth-fd17p; \
             ip link set veth-fd17p up; ip link set veth-fd17 up; ip route replace default dev veth-fd17; \
             echo 1 > /proc/sys/net/ipv4/conf/eth0/rp_filter"
        ),
    )?;
    let done = during();
    on_node(
        lab,
        node,
        &format!(
            "echo 0 > /proc/sys/net/ipv4/conf/eth0/rp_filter; ip route replace $(cat {kept}); ip link del veth-fd17; rm {kept}"
        ),
    )?;
    Ok(done?)
}

/// As somebody who may read all but Nodes and cannot ask the speakers.
fn without_a_right(lab: &Lab) -> Outcome {
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
