//! Speakers as plain processes on bare nodes that hold many addresses, which a client gave to Services: there is no
//! controller, and kube-proxy leaves the Services alone.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use http::Request;
use http::request::Builder;
use serde_json::Value;

use super::Place;
use super::services::Requests;
use super::speakers::says_ready;
use super::trace::Marks;
use super::{holding, wire};
use crate::error::{Error, Result};
use crate::lab::{Lab, LabConfig};
use crate::plan::Machine;
use crate::process::{Process, Usage};
use crate::program::{Implementation, Running};
use crate::{source, wait};

const SETTLING: Duration = Duration::from_secs(180);
const ATTEMPT: Duration = Duration::from_secs(2);
/// A node that comes back is asked last for a while in production; here it is as good as the others at once.
pub(super) const VARIABLES: [(&str, &str); 1] = [("FERROLB_HOLD_DOWN_SECONDS", "0")];
const PORT: u16 = 9120;

/// What is needed of a lab, and how many addresses there are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) nodes: u8,
    pub(super) clients: u8,
    pub(super) addresses: u16,
}

/// Which node holds which address.
pub(super) type Holders = BTreeMap<Ipv4Addr, u8>;

pub(super) struct Stage {
    pub(super) lab: Lab,
    pub(super) addresses: Vec<Ipv4Addr>,
    pub(super) speakers: BTreeMap<u8, Process>,
    /// Where the log ended when each was started.
    started: BTreeMap<u8, Marks>,
    command: String,
    requests: Requests,
    is_own: bool,
}

impl Stage {
    /// Makes everything but the speakers.
    pub(super) fn set(place: &Place, size: Size, implementation: &Implementation) -> Result<Self> {
        let command = match &implementation.speaker {
            Some(command) => command.clone(),
            None => format!("{} speaker", source::static_program("ferrolb")?.display()),
        };
        let (lab, is_own) = open(place, size)?;
        lab.apply_definitions(implementation.manifests.clone())?;
        lab.apply(&holding::configuration())?;
        let requests = Requests::of(&lab)?;
        let stage = Self {
            addresses: (0..size.addresses).map(holding::address).collect(),
            speakers: BTreeMap::new(),
            started: BTreeMap::new(),
            command,
            requests,
            lab,
            is_own,
        };
        stage.give()?;
        Ok(stage)
    }

    fn give(&self) -> Result<()> {
        let namespace = "/api/v1/namespaces/default";
        let slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
        let post = |uri: String| Request::post(uri).header("content-type", "application/json");
        let apply = |uri: String| Request::patch(uri).header("content-type", "application/apply-patch+yaml");
        let each = |one: &dyn Fn(u16, Ipv4Addr) -> (Builder, Value)| {
            let numbered = (0..).zip(&self.addresses);
            self.requests
                .send_all(numbered.map(|(number, address)| one(number, *address)).collect())
        };
        each(&|number, _| (post(format!("{namespace}/services")), holding::service(number)))?;
        each(&|number, _| (post(slices.to_owned()), holding::endpoints(number, None)))?;
        each(&|number, address| {
            let name = holding::name(number);
            let query = "fieldManager=ferrolb-lab&force=true";
            let uri = format!("{namespace}/services/{name}/status?{query}");
            (apply(uri), holding::status(number, address))
        })
    }

    /// The endpoint of a Service moves to another node; of the Services in turn.
    pub(super) fn change_endpoint(&self, number: u32) -> Result<()> {
        let count = self.addresses.len() as u32;
        let nodes: Vec<u8> = self.lab.plan().nodes().collect();
        let node = nodes[(number / count) as usize % nodes.len()];
        let slice = (number % count) as u16;
        let uri = format!(
            "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/{}",
            holding::name(slice)
        );
        let patch = Request::patch(uri).header("content-type", "application/merge-patch+json");
        let endpoints = &holding::endpoints(slice, Some(&self.lab.node_name(node)))["endpoints"];
        self.requests
            .send_all(vec![(patch, serde_json::json!({ "endpoints": endpoints }))])
    }

    pub(super) fn start(&mut self, node: u8) -> Result<()> {
        drop(self.speakers.remove(&node));
        self.started.insert(node, Marks::now(&self.lab));
        let speaker = self.lab.start_speaker_with(node, &self.command, &VARIABLES)?;
        self.speakers.insert(node, speaker);
        Ok(())
    }

    /// Waits until all speakers that were started are ready and hear each other, and each address is answered by one node.
    pub(super) fn settle(&mut self) -> Result<Holders> {
        wait::until_seen("one node to answer for each address", SETTLING, || {
            self.speakers.values_mut().try_for_each(Process::still_runs)?;
            let ready = self.speakers.keys().try_for_each(|node| self.ready(*node));
            Ok(match ready {
                Ok(()) => self.held_by_one()?,
                Err(why) => Err(why),
            })
        })
    }

    fn ready(&self, node: u8) -> std::result::Result<(), String> {
        says_ready(&self.lab, node)?;
        let up = self.metric(node, "ferrolb_segment_nodes_up{");
        let up = up.map_err(|failed| failed.to_string())?;
        #[expect(clippy::cast_precision_loss, reason = "few nodes")]
        let all = self.speakers.len() as f64;
        if up < all {
            return Err(format!("n{node} hears {up} of {all}"));
        }
        // One that only listens yet is counted on by the others, and claims nothing.
        let said = self
            .started
            .get(&node)
            .map(|marks| marks.lines_since(&self.lab, node));
        match said.iter().flatten().any(|line| line.step == "join") {
            true => Ok(()),
            false => Err(format!("n{node} takes no part yet")),
        }
    }

    /// The sum of all series that begin like this.
    pub(super) fn metric(&self, node: u8, begin: &str) -> Result<f64> {
        let url = format!("http://127.0.0.1:{PORT}/metrics");
        let answer = self.lab.http_get_from(Machine::Node(node), &url, ATTEMPT)?;
        Ok(sum(&answer.body, begin))
    }

    /// Every node that answers for each address.
    pub(super) fn answering(&self) -> Result<BTreeMap<Ipv4Addr, BTreeSet<u8>>> {
        let heard = self.lab.in_client(|| wire::holders(&self.addresses))??;
        let number = |mac: &crate::Mac| self.lab.node_number(&mac.to_string());
        Ok(heard
            .into_iter()
            .map(|(address, macs)| (address, macs.iter().filter_map(number).collect()))
            .collect())
    }

    pub(super) fn held_by_one(&self) -> Result<std::result::Result<Holders, String>> {
        Ok(one_each(&self.addresses, &self.answering()?))
    }

    pub(super) fn usage(&self) -> Result<BTreeMap<u8, Usage>> {
        let used = self.speakers.iter();
        used.map(|(node, speaker)| Ok((*node, speaker.usage()?)))
            .collect()
    }

    /// Removes the lab, or from one that stays what it did not have before.
    pub(super) fn strike(self) -> Result<()> {
        let running = Running {
            processes: self.speakers.into_values().collect(),
        };
        if self.is_own {
            drop(running);
            return self.lab.down();
        }
        running.stop()?;
        let label = format!("labelSelector=set%3D{}", holding::LABEL);
        let services = format!("/api/v1/namespaces/default/services?{label}");
        let slices = format!("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?{label}");
        let statuses = "/apis/metallb.io/v1beta1/namespaces/metallb-system/servicel2statuses";
        let delete = |uri: String| (Request::delete(uri), Value::Null);
        let all = [services, slices, statuses.to_owned()];
        self.requests.send_all(all.map(delete).into())?;
        self.lab.delete(&holding::configuration()).map(drop)
    }
}

fn open(place: &Place, size: Size) -> Result<(Lab, bool)> {
    match place {
        Place::Running(name) => Ok((Lab::open(name)?, false)),
        Place::Own(name) => {
            let lab = Lab::up_bare(&LabConfig {
                name: name.clone(),
                nodes: size.nodes,
                clients: size.clients,
            })?;
            Ok((lab, true))
        }
    }
}

/// The one that answers for each; else how many have none, or more than one.
fn one_each(
    addresses: &[Ipv4Addr],
    answering: &BTreeMap<Ipv4Addr, BTreeSet<u8>>,
) -> std::result::Result<Holders, String> {
    let count = |address: &Ipv4Addr| answering.get(address).map_or(0, BTreeSet::len);
    let none = addresses.iter().filter(|address| count(address) == 0).count();
    let several = addresses.iter().filter(|address| count(address) > 1).count();
    if none + several > 0 {
        return Err(format!(
            "nobody answers for {none} addresses, and more than one for {several}"
        ));
    }
    let one = |address: &Ipv4Addr| Some((*address, *answering.get(address)?.first()?));
    Ok(addresses.iter().filter_map(one).collect())
}

/// How many each of the nodes holds.
pub(super) fn spread(holders: &Holders, nodes: impl Iterator<Item = u8>) -> BTreeMap<u8, usize> {
    let mut spread: BTreeMap<u8, usize> = nodes.map(|node| (node, 0)).collect();
    for node in holders.values() {
        *spread.entry(*node).or_default() += 1;
    }
    spread
}

/// A value in the Prometheus text format.
pub(super) fn sum(text: &str, begin: &str) -> f64 {
    let lines = text.lines().filter(|line| line.starts_with(begin));
    lines
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

impl Stage {
    /// An error unless the lab has so many clients.
    pub(super) fn needs_clients(&self, count: u8) -> Result<()> {
        let is_client = |machine: &Machine| matches!(machine, Machine::Client(_));
        if self.lab.plan().machines().filter(is_client).count() < usize::from(count) {
            return Error::refused(format!("this needs {count} clients"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
    const B: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

    fn answering(pairs: &[(Ipv4Addr, &[u8])]) -> BTreeMap<Ipv4Addr, BTreeSet<u8>> {
        let pair = |(address, nodes): &(Ipv4Addr, &[u8])| (*address, nodes.iter().copied().collect());
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn each_address_needs_one_answer_and_no_second() {
        let good = one_each(&[A, B], &answering(&[(A, &[1]), (B, &[2])]));
        assert_eq!(good, Ok(BTreeMap::from([(A, 1), (B, 2)])));
        assert!(one_each(&[A, B], &answering(&[(A, &[1])])).is_err());
        assert!(one_each(&[A], &answering(&[(A, &[1, 2])])).is_err());
    }

    #[test]
    fn the_spread_counts_nodes_that_hold_nothing() {
        let holders = BTreeMap::from([(A, 1), (B, 1)]);
        assert_eq!(
            spread(&holders, [1, 2].into_iter()),
            BTreeMap::from([(1, 2), (2, 0)])
        );
    }

    #[test]
    fn series_of_a_metric_add_up() {
        let text = "# HELP a_total x\na_total{r=\"x\"} 2\na_total{r=\"y\"} 3\nab_total 7\n";
        assert_eq!(sum(text, "a_total{").to_bits(), 5.0_f64.to_bits());
    }
}
