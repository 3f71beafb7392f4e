//! A machine that is no node has an address of a pool.

use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::time::{Duration, Instant};

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Found, Lab, Machine, Plugged, Result, wait};

use crate::everywhere::well_within;
use crate::examining::in_the_words_of_explain;
use crate::page::{self, forward};
use crate::scene::{PODS, SOON, Scene, annotated, event, pool, service};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_new_address_that_another_machine_has_is_exchanged_or_if_asked_for_announced_once_the_machine_is_gone",
            before_its_first_use,
        ),
        trial(
            "a_machine_that_takes_an_announced_address_is_named_by_everything_in_the_same_words",
            while_announced,
        ),
    ]
}

/// The address that the machine has, and the next one of the pool. No other trial announces them: what was claimed once is not
/// asked for again.
const TAKEN: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 2, 198), Ipv4Addr::new(192, 0, 2, 199)];
const DISPUTED: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 242);
const MAC: &str = "52:54:00:00:02:f0";
const NAMED: &str = "MAC address 52:54:00:00:02:f0, QEMU/KVM";
/// A quarantine, and what comes after it.
const FREE_AGAIN: Duration = Duration::from_secs(70);
/// The name of its network namespace, and of its interface, which with what the lab puts before it has 15 bytes at most.
const NAME: &str = "fl-stranger";
const INTERFACE: &str = "stranger";

/// A machine on the LAN that is no node, as long as this lives.
struct Stranger<'a>(Option<Plugged<'a>>);

impl<'a> Stranger<'a> {
    fn with(lab: &'a Lab, address: Ipv4Addr) -> Result<Self> {
        let plugged = lab.lan().plug(Machine::ControlPlane, INTERFACE)?;
        let mut stranger = Self(None);
        let script = format!(
            "ip netns add {NAME} && ip link set {INTERFACE} netns {NAME} && ip -n {NAME} link set {INTERFACE} address {MAC} && \
             ip -n {NAME} addr add {address}/24 dev {INTERFACE} && ip -n {NAME} link set {INTERFACE} up"
        );
        let ended = lab.in_machine(Machine::ControlPlane, || {
            Command::new("sh").args(["-ec", &script]).output()
        })?;
        let said = ended.map(|ended| String::from_utf8_lossy(&ended.stderr).into_owned());
        assert_eq!(said.unwrap_or_default(), "");
        plugged.until_forwards()?;
        stranger.0 = Some(plugged);
        Ok(stranger)
    }
}

impl Drop for Stranger<'_> {
    fn drop(&mut self) {
        drop(self.0.take());
        if let Err(failed) = Command::new("ip").args(["netns", "del", NAME]).output() {
            eprintln!("a namespace stays: {failed}");
        }
    }
}

/// Waits until condition Announced is False for this reason; its message.
fn refused(lab: &Lab, name: &str, reason: &str) -> Result<String> {
    wait::until_seen(&format!("{name} to be {reason}"), PODS, || {
        let service = lab.json(&["get", "service", name])?;
        let conditions = service["status"]["conditions"].as_array();
        let mut conditions = conditions.into_iter().flatten();
        let found = conditions.find(|one| one["type"] == "ferrolb.io/Announced");
        let text = |field: &str| found.and_then(|one| one[field].as_str()).unwrap_or_default();
        Ok(match (text("status"), text("reason")) {
            ("False", word) if word == reason => Ok(text("message").to_owned()),
            _ => Err(format!("{found:?}")),
        })
    })
}

/// How many nodes show this line.
fn showing(lab: &Lab, line: &str) -> Result<usize> {
    let mut count = 0;
    for node in lab.plan().nodes() {
        let metrics = lab.http_get_from(Machine::Node(node), "http://127.0.0.1:9120/metrics", SOON)?;
        count += usize::from(metrics.body.lines().any(|one| one == line));
    }
    Ok(count)
}

/// What everything says of the Service, which the condition refuses for this reason: its message, and the MAC address.
struct Said<'a> {
    name: &'a str,
    effect: &'a str,
    reason: &'a str,
    /// The number of doctor's check, and the code with which doctor ends.
    number: &'a str,
    code: i32,
    address: Ipv4Addr,
    state: &'a str,
}

impl Said<'_> {
    fn everywhere(&self, lab: &Lab) -> Outcome {
        let Self { name, reason, .. } = *self;
        let message = refused(lab, name, reason)?;
        assert!(message.contains(NAMED), "{message}");
        let note = event(lab, name, reason, &[NAMED])?;
        // Several nodes may have found it.
        let nodes: Vec<String> = lab.plan().nodes().map(|node| lab.node_name(node)).collect();
        let unnamed = |text: &str| {
            nodes
                .iter()
                .fold(text.to_owned(), |text, node| text.replace(node, "NODE"))
        };
        let sentence = unnamed(note.split_once(": ").map_or("", |(_, why)| why));
        assert!(
            unnamed(&message).ends_with(&sentence),
            "{message}, and the event: {note}"
        );
        let subject = format!("svc/default/{name}");
        let Found { text, .. } = lab.ferrolb_finds(&["explain", &subject], SOON)?;
        let line = text.lines().next().unwrap_or_default();
        let expected = format!("default/{name} {} ({reason}): {message}", self.effect);
        assert_eq!(unnamed(line), unnamed(&expected));
        in_the_words_of_explain(lab, self.code, self.number, name)?;
        let metric = format!(
            "ferrolb_vip_wire_state{{ip=\"{}\",state=\"{}\"}} 1",
            self.address, self.state
        );
        assert_eq!(showing(lab, &metric)?, 1, "{metric}");
        let forward = forward(lab)?;
        wait::until_seen("the page to say the same", SOON, || {
            let page = lab.http_get_from(Machine::ControlPlane, page::URL, SOON)?;
            let rows = page.body.replace("<tr", "\n<tr");
            // Whether the holder answers too may change from one question to the next.
            let says = |row: &str| [name, reason, NAMED].iter().all(|words| row.contains(words));
            Ok(rows.lines().any(says).then_some(()).ok_or(rows))
        })?;
        forward.kill();
        eprintln!("{message}");
        Ok(())
    }
}

fn before_its_first_use(lab: &Lab) -> Outcome {
    let [taken, next] = TAKEN;
    let stranger = Stranger::with(lab, taken)?;
    let _pool = Scene::new(lab, pool("taken", &format!("{taken}-{next}")))?;
    let began = Instant::now();
    let _any = Scene::new(lab, service("taken-any", "taken", ""))?;
    wait::until_seen("another address to be given", SOON, || {
        let has = lab.external_addresses("taken-any")?;
        Ok((has == [IpAddr::from(next)])
            .then_some(())
            .ok_or_else(|| format!("{has:?}")))
    })?;
    eprintln!("another address after {:.1?}", began.elapsed());
    lab.announced(next.into(), SOON, |_| true)?;
    well_within(lab, "taken-any", SOON)?;
    event(lab, "taken-any", "WireTaken", &[NAMED, &taken.to_string()])?;
    event(lab, "taken-any", "AddressConflict", &[&taken.to_string()])?;

    let asks = format!("metallb.io/loadBalancerIPs: {taken}");
    let _asked = Scene::new(lab, annotated("taken-asked", &asks, ""))?;
    let said = Said {
        name: "taken-asked",
        effect: "is not announced",
        reason: "WireTaken",
        number: "FD02",
        code: 2,
        address: taken,
        state: "foreign",
    };
    said.everywhere(lab)?;
    let silent = "ferrolb_speaker_silent_addresses{reason=\"wire_taken\"} 1";
    assert_eq!(showing(lab, silent)?, lab.plan().nodes().count());
    assert_eq!(lab.external_addresses("taken-asked")?, [IpAddr::from(taken)]);
    drop(stranger);
    let gone = Instant::now();
    well_within(lab, "taken-asked", FREE_AGAIN + SOON)?;
    let took = gone.elapsed();
    eprintln!("announced {took:.1?} after the machine was gone");
    assert!(took <= FREE_AGAIN, "{took:?}");
    lab.announced(taken.into(), SOON, |_| true)?;
    assert_eq!(
        lab.external_addresses("taken-any")?,
        [IpAddr::from(next)],
        "it stays"
    );
    Ok(())
}

fn while_announced(lab: &Lab) -> Outcome {
    let _scene = Scene::new(
        lab,
        pool("disputed", &format!("{DISPUTED}/32")) + &service("disputed", "disputed", ""),
    )?;
    let holder = lab.announced(DISPUTED.into(), SOON, |_| true)?;
    well_within(lab, "disputed", SOON)?;
    let stranger = Stranger::with(lab, DISPUTED)?;
    let said = Said {
        name: "disputed",
        effect: "is announced, but may not be reached",
        reason: "WireDisputed",
        number: "FD03",
        code: 1,
        address: DISPUTED,
        state: "several",
    };
    said.everywhere(lab)?;
    assert_eq!(
        lab.external_addresses("disputed")?,
        [IpAddr::from(DISPUTED)],
        "it stays"
    );
    drop(stranger);
    well_within(lab, "disputed", PODS)?;
    lab.announced(DISPUTED.into(), SOON, |node| node == holder)?;
    event(lab, "disputed", "WireAnswered", &[])?;
    Ok(())
}
