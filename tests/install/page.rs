//! `docs/install.md`, each numbered part a trial: every command prints what the page shows. Then what a page cannot show: what is
//! left, and that nothing was lost.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use std::time::Duration;

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::tour::{Page, Person, Step};
use ferrolb_lab::{Lab, Result, plan, requests, source};

const ADDRESS: Ipv4Addr = plan::lan4(200);
/// The parts after which it runs; after all others nothing is left.
const TESTED: u8 = 3;
const UPGRADE: u8 = 4;
const NAMESPACE: &str = "metallb-system";
/// Long enough for anything that takes a second, on a busy machine.
const SOON: Duration = Duration::from_secs(20);
/// Set, the page is written instead of compared.
const WRITE: &str = "FERROLB_WRITE_SNAPSHOTS";

pub(crate) fn trials() -> Vec<Trial> {
    let page = Page::read(&source::root().join("docs/install.md")).expect("the page");
    page.steps.into_iter().map(part).collect()
}

fn part(step: Step) -> Trial {
    let title = step.title.to_lowercase().replace(' ', "_");
    trial(
        format!("{}_{title}_does_as_the_page_says", step.number),
        move |lab| match step.number {
            UPGRADE => upgrade(lab, &step),
            TESTED => walk(lab, &step).map_err(Into::into),
            _ => {
                walk(lab, &step)?;
                nothing_is_left(lab)
            }
        },
    )
}

fn walk(lab: &Lab, step: &Step) -> Result<()> {
    let person = Person::new(lab)?;
    if std::env::var_os(WRITE).is_none() {
        return person.walk(step, |_| ()).map(drop);
    }
    let path = source::root().join("docs/install.md");
    let page = Page::read(&path)?;
    let now = page.steps.iter().find(|now| now.number == step.number);
    let seen = person.record(now.unwrap_or(step), |_| ())?;
    std::fs::write(&path, page.with(&seen)).expect("the page can be written");
    Ok(())
}

/// No request is lost, each of a connection of its own.
fn upgrade(lab: &Lab, step: &Step) -> Outcome {
    let target = SocketAddr::from((IpAddr::from(ADDRESS), 80));
    lab.fetch_over_udp(target, SOON)?;
    let before = speakers(lab)?;
    let ((), tally) = requests::in_turn(lab, &[target], || walk(lab, step))?;
    eprintln!("helm upgrade: {tally}");
    assert!(tally.sent > 1000 && tally.lost() == 0, "{tally}");
    let after = speakers(lab)?;
    assert!(
        before.iter().all(|pod| !after.contains(pod)),
        "{before:?} {after:?}"
    );
    Ok(())
}

fn speakers(lab: &Lab) -> Result<Vec<String>> {
    let pods = lab.kubectl(&[
        "get",
        "pods",
        "-n",
        NAMESPACE,
        "-l",
        "component=speaker",
        "-o",
        "name",
    ])?;
    Ok(pods.lines().map(str::to_owned).collect())
}

/// Neither objects of ours, nor processes, addresses or packet sockets on the nodes.
fn nothing_is_left(lab: &Lab) -> Outcome {
    let kinds =
        "clusterroles,clusterrolebindings,validatingadmissionpolicies,crds,priorityclasses,namespaces";
    let names = lab.kubectl(&["get", kinds, "-o", "name"])?;
    let ours: Vec<&str> = names
        .lines()
        .filter(|name| name.contains("metallb") || name.contains("ferrolb"))
        .collect();
    assert!(ours.is_empty(), "{ours:?}");
    for node in lab.plan().nodes() {
        let left = "pgrep -x ferrolb; ip -o address | grep -F 192.0.2.20; tail -n +2 /proc/net/packet; true";
        let left = lab.exec(node, &["sh", "-c", left])?;
        assert_eq!(left.trim(), "", "n{node}");
    }
    Ok(())
}
