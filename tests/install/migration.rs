//! From MetalLB to FerroLB and back, as `docs/migrate.md` says, with MetalLB's own program and manifests.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::tour::Person;
use ferrolb_lab::{Error, Found, Lab, Result, images, plan, requests, source, wait};
use serde_json::{Deserializer, Value, json};

const ADDRESS: Ipv4Addr = plan::lan4(200);
const NAMESPACE: &str = "metallb-system";
const EXAMPLE: &str = "deploy/examples/01-one-pool.yaml";
/// Long enough for pods to be replaced, on a busy machine.
const SOON: Duration = Duration::from_secs(90);
/// What an exchange may cost, twice of which is allowed here: the machine does much else.
const OUTAGE: Duration = Duration::from_secs(1);
/// MetalLB's program by component, and the image that its manifests name.
const PROGRAMS: [&str; 2] = ["controller", "speaker"];

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "metallb_is_exchanged_and_put_back_in_both_orders_and_no_address_changes",
        there_and_back,
    )]
}

fn there_and_back(lab: &Lab) -> Outcome {
    let folder = tempfile::tempdir()?;
    write_metallb(lab, folder.path())?;
    let metallb = folder.path().to_string_lossy().into_owned();
    let person = Person::new(lab)?;
    put_back(lab, &metallb)?;
    // its webhook is asked, and may not listen yet
    wait::until_seen("MetalLB's webhook accepts the pool", SOON, || {
        Ok(lab
            .kubectl(&["apply", "-f", &example()])
            .map_err(|failed| failed.to_string()))
    })?;
    let address = SocketAddr::from((IpAddr::from(ADDRESS), 80));
    answers(lab, address)?;

    let told: Value = serde_json::from_str(&lab.ferrolb(&["migrate", "check", "-o", "json"], SOON)?)?;
    assert_eq!(
        named(&told, "todo"),
        [
            "CustomResourceDefinition/bgppeers.metallb.io",
            "DaemonSet/metallb-system/speaker",
            "Deployment/metallb-system/controller",
            "ValidatingWebhookConfiguration/metallb-webhook-configuration",
        ]
    );
    assert_eq!(named(&told, "stops"), Vec::<String>::new(), "{told}");
    assert_eq!(
        told["works"],
        json!({"IPAddressPool": 1, "L2Advertisement": 1, "Service": 1})
    );

    let theirs = "MetalLB runs here; when the webhook is gone: kubectl delete -n metallb-system";
    doctor_finds(
        lab,
        &[
            &format!("FD11 DaemonSet/metallb-system/speaker: {theirs} daemonset speaker"),
            &format!("FD11 Deployment/metallb-system/controller: {theirs} deployment controller"),
            "FD11 ValidatingWebhookConfiguration/metallb-webhook-configuration: ",
        ],
    )?;
    let beside = speaker_of_another_name(lab)?;

    let pools = pools(lab)?;
    let page = commands("## The exchange");
    let (webhook, program) = page.split_at(page.len() - 1);
    let install = || {
        typed(&person, program)?;
        rolled_out(lab)
    };
    lasts(
        lab,
        "FerroLB installed over MetalLB, its webhook removed before",
        address,
        || {
            typed(&person, webhook)?;
            install()
        },
    )?;
    unchanged(lab, &pools, address)?;
    doctor_finds(lab, &[])?;
    lab.apply(&beside)?;
    doctor_finds(
        lab,
        &[&format!(
            "FD11 DaemonSet/metallb-system/{BESIDE}: {theirs} daemonset {BESIDE}"
        )],
    )?;
    lab.delete(&beside)?;

    lasts(lab, "MetalLB put back over FerroLB", address, || {
        put_back(lab, &metallb)
    })?;
    unchanged(lab, &pools, address)?;

    lasts(
        lab,
        "FerroLB installed over MetalLB, its webhook removed after",
        address,
        || {
            install()?;
            typed(&person, webhook)
        },
    )?;
    unchanged(lab, &pools, address)?;

    put_back(lab, &metallb)?;
    let gone = "kubectl delete -n metallb-system deployment/controller daemonset/speaker".to_owned();
    let (_, tally) = requests::in_turn(lab, &[address], || {
        typed(&person, webhook)?;
        typed(&person, &[gone])?;
        install()
    })?;
    let what = "MetalLB removed, then FerroLB installed";
    eprintln!("{what}: {tally}");
    unchanged(lab, &pools, address)?;
    lab.kubectl(&["delete", "--wait", "-f", &example()])?;
    lab.kubectl(&["delete", "--ignore-not-found", "-k", &metallb])?;
    lab.kubectl(&["delete", "--ignore-not-found", "-f", &tree("deploy/ferrolb.yaml")])?;
    Ok(())
}

/// Its name where it runs beside ours, as MetalLB's chart calls it.
const BESIDE: &str = "metallb-speaker";

/// MetalLB's own speaker as it runs now, by another name and at another port, so that it can run beside ours.
fn speaker_of_another_name(lab: &Lab) -> Result<String> {
    let now = lab.json(&["get", "-n", NAMESPACE, "daemonset", "speaker"])?;
    let mut spec = now["spec"].clone();
    let labels = json!({"app.kubernetes.io/name": "metallb", "app.kubernetes.io/component": "speaker"});
    spec["selector"]["matchLabels"] = labels.clone();
    spec["template"]["metadata"] = json!({ "labels": labels });
    let container = &mut spec["template"]["spec"]["containers"][0];
    container["args"] = json!(["--port=7472", "--log-level=info"]);
    container["ports"] = json!([]);
    let metadata = json!({"namespace": NAMESPACE, "name": BESIDE});
    Ok(json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": spec}).to_string())
}

/// Waits until `ferrolb doctor` finds these of check FD11, each as `FD11 Object: message`, and no other. The rest of the
/// cluster may just have changed.
fn doctor_finds(lab: &Lab, expected: &[&str]) -> Result<()> {
    wait::until_seen(&format!("doctor to find {expected:?}"), SOON, || {
        let Found { text, .. } = lab.ferrolb_finds(&["doctor", "-o", "json"], SOON)?;
        // What it says on standard error follows.
        let answer = Deserializer::from_str(&text).into_iter::<Value>().next();
        let answer = answer.and_then(std::result::Result::ok).unwrap_or_default();
        let Some(checks) = answer["checks"].as_array() else {
            return Ok(Err(text));
        };
        let of_check = checks.iter().filter(|check| check["check"] == "FD11");
        let findings = of_check.flat_map(|check| check["findings"].as_array().into_iter().flatten());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let found: Vec<String> = findings
            .map(|one| format!("FD11 {}: {}", text(&one["object"]), text(&one["message"])))
            .collect();
        let all = expected
            .iter()
            .all(|line| found.iter().any(|one| one.starts_with(line)));
        Ok(if all && found.len() == expected.len() {
            Ok(())
        } else {
            Err(format!("{found:?}"))
        })
    })
}

fn tree(path: &str) -> String {
    source::root().join(path).to_string_lossy().into_owned()
}

fn example() -> String {
    tree(EXAMPLE)
}

/// Images of MetalLB's program on the nodes, and a kustomization of its manifests that names them.
fn write_metallb(lab: &Lab, folder: &Path) -> Result<()> {
    let manifests = ferrolb_programs::sources("metallb", "go.universe.tf/metallb")?;
    let native = folder.join("native.yaml");
    let copied = fs::copy(manifests.join("config/manifests/metallb-native.yaml"), &native);
    copied.map_err(|failed| Error::Refused(format!("{}: {failed}", native.display())))?;
    let mut replaced = Vec::new();
    for part in PROGRAMS {
        let program = ferrolb_programs::beside(&format!("metallb-{part}"))?;
        let name = format!("localhost/metallb-{part}:1");
        let tar = folder.join(format!("{part}.tar"));
        images::write(&program, &name, &[], "", &tar)?;
        lab.load(&tar)?;
        replaced.push(json!({"name": format!("quay.io/metallb/{part}"), "newName": format!("localhost/metallb-{part}"), "newTag": "1"}));
    }
    let kustomization = json!({"resources": ["native.yaml"], "images": replaced}).to_string();
    fs::write(folder.join("kustomization.yaml"), kustomization)
        .map_err(|failed| Error::Refused(format!("{}: {failed}", folder.display())))
}

fn put_back(lab: &Lab, metallb: &str) -> Result<()> {
    lab.kubectl(&["apply", "-k", metallb])?;
    rolled_out(lab)
}

fn rolled_out(lab: &Lab) -> Result<()> {
    lab.rolled_out(NAMESPACE, "deployment/controller")?;
    lab.rolled_out(NAMESPACE, "daemonset/speaker")
}

/// The commands of the page below a heading that change something: those that remove the webhook, then the one that installs.
fn commands(heading: &str) -> Vec<String> {
    let page = fs::read_to_string(source::root().join("docs/migrate.md")).expect("the page");
    let below = page.split(heading).nth(1).expect("the heading");
    let mut inside = false;
    let mut commands = Vec::new();
    for line in below.lines().map(str::trim) {
        if line.starts_with("```") {
            inside = !inside;
        } else if inside
            && ["kubectl delete ", "kubectl apply "]
                .iter()
                .any(|one| line.starts_with(one))
        {
            commands.push(line.to_owned());
        }
    }
    assert_eq!(commands.len(), 3, "{commands:?}");
    commands
}

/// Types the commands; each must succeed.
fn typed(person: &Person<'_>, commands: &[String]) -> Result<()> {
    const DONE: &str = "it succeeded";
    for command in commands {
        let said = person.shell(&format!("{command} && echo {DONE}"))?;
        if !said.contains(DONE) {
            return Err(Error::Refused(format!("{command}: {said}")));
        }
    }
    Ok(())
}

fn answers(lab: &Lab, address: SocketAddr) -> Result<()> {
    wait::until_seen("an answer through the address", SOON, || {
        let asked = lab.udp_ask(address, Duration::from_secs(1));
        Ok(asked.map(drop).map_err(|failed| failed.to_string()))
    })
}

/// Prints what an exchange costs, 200 requests a second that is; it may be twice of what is promised.
fn lasts(lab: &Lab, what: &str, address: SocketAddr, exchange: impl FnOnce() -> Result<()>) -> Result<()> {
    let ((), tally) = requests::in_turn(lab, &[address], exchange)?;
    let outage = requests::GAP * u32::try_from(tally.lost()).unwrap_or(u32::MAX);
    eprintln!("{what}: {tally}; {outage:.2?}");
    assert!(tally.sent > 200 && outage < OUTAGE * 2, "{what}: {tally}");
    Ok(())
}

fn pools(lab: &Lab) -> Result<String> {
    lab.kubectl(&[
        "get",
        "ipaddresspools,l2advertisements",
        "-A",
        "-o",
        "jsonpath={.items[*].metadata.uid}",
    ])
}

/// The pools are the same objects, and the Service answers where it did.
fn unchanged(lab: &Lab, before: &str, address: SocketAddr) -> Result<()> {
    assert_eq!(pools(lab)?, before, "pools and advertisements");
    let now = lab.external_addresses("example-1")?;
    assert_eq!(now, [address.ip()], "the address of example-1");
    answers(lab, address)
}

fn named(told: &Value, verdict: &str) -> Vec<String> {
    let findings = told["findings"].as_array().into_iter().flatten();
    let of_verdict = findings.filter(|one| one["verdict"] == verdict);
    let names: BTreeSet<String> = of_verdict
        .filter_map(|one| Some(one["object"].as_str()?.to_owned()))
        .collect();
    names.into_iter().collect()
}
