//! External addresses of Services: what the API server says of them, and what a client on the LAN sees.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::error::Result;
use crate::lab::Lab;
use crate::mac::Mac;
use crate::plan::Machine;
use crate::probe::Answer;
use crate::segment::Nic;
use crate::wait;

/// How long answers on the LAN are collected.
const HEARING: Duration = Duration::from_millis(400);
/// One attempt to fetch; a packet that met no rule yet is lost.
const ATTEMPT: Duration = Duration::from_secs(2);

impl Lab {
    /// The addresses in the status of a Service of namespace `default`; none while it is pending.
    ///
    /// # Errors
    /// If there is no such Service.
    pub fn external_addresses(&self, service: &str) -> Result<Vec<IpAddr>> {
        let service = self.json(&["get", "service", service])?;
        let ingress = service["status"]["loadBalancer"]["ingress"].as_array();
        let texts = ingress
            .into_iter()
            .flatten()
            .filter_map(|entry| entry["ip"].as_str());
        Ok(texts
            .map(|text| text.parse().expect("the API server gives addresses"))
            .collect())
    }

    /// Waits until a Service has this many addresses.
    ///
    /// # Errors
    /// If it has not in time; then with what its condition says.
    pub fn assigned(&self, service: &str, count: usize, within: Duration) -> Result<Vec<IpAddr>> {
        wait::until_seen(&format!("{count} addresses of {service}"), within, || {
            let addresses = self.external_addresses(service)?;
            Ok(if addresses.len() == count {
                Ok(addresses)
            } else {
                Err(format!("{addresses:?}, {}", self.why(service)))
            })
        })
    }

    /// Writes an address into the status of a Service of namespace `default`, as another load balancer would.
    ///
    /// # Errors
    /// If the API server refuses.
    pub fn overrule(&self, service: &str, address: IpAddr) -> Result<()> {
        let status = format!(r#"{{"status": {{"loadBalancer": {{"ingress": [{{"ip": "{address}"}}]}}}}}}"#);
        let patch = [
            "patch",
            "service",
            service,
            "--subresource=status",
            "--type=merge",
        ];
        self.kubectl(&[&patch[..], &["--field-manager=other-lb", "-p", &status]].concat())
            .map(drop)
    }

    /// Does that as often as the controller writes the right one, until the controller leaves the status to the other.
    ///
    /// # Errors
    /// If it does not within that time.
    pub fn overrule_until_left(&self, service: &str, address: IpAddr, within: Duration) -> Result<()> {
        let what = format!("the status of {service} to be left to another controller");
        wait::until_seen(&what, within, || {
            let why = self.why(service);
            if why.contains("StatusDisputed") {
                return Ok(Ok(()));
            }
            if self.external_addresses(service)? != [address] {
                self.overrule(service, address)?;
            }
            Ok(Err(why))
        })
    }

    /// What the condition `Assigned` of a Service says.
    #[must_use]
    pub fn why(&self, service: &str) -> String {
        let condition = r#"jsonpath={.status.conditions[?(@.type=="ferrolb.io/Assigned")]}"#;
        self.kubectl(&["get", "service", service, "-o", condition])
            .unwrap_or_default()
    }

    /// Every station on the LAN that answers ARP or neighbour discovery for an address.
    ///
    /// # Errors
    /// If no question can be sent.
    pub fn answering(&self, address: IpAddr) -> Result<BTreeSet<Mac>> {
        self.answering_at(&Machine::Client(1).nic(), address)
    }

    /// Every station that answers ARP or neighbour discovery for an address, heard at this interface.
    ///
    /// # Errors
    /// If no question can be sent.
    pub fn answering_at(&self, nic: &Nic, address: IpAddr) -> Result<BTreeSet<Mac>> {
        let answers = match address {
            IpAddr::V4(v4) => self.arp_ask_at(nic, v4, HEARING),
            IpAddr::V6(v6) => self.ndp_ask_at(nic, v6, HEARING),
        };
        Ok(answers?.into_iter().collect())
    }

    /// Waits until one node, and nobody else, answers for an address; one that `suits`. Returns its number.
    ///
    /// # Errors
    /// If that is not so in time; then with who answered last.
    pub fn announced(&self, address: IpAddr, within: Duration, suits: impl Fn(u8) -> bool) -> Result<u8> {
        wait::until_seen(&format!("one node to announce {address}"), within, || {
            let macs: Vec<Mac> = self.answering(address)?.into_iter().collect();
            let node = match macs[..] {
                [only] => self.node_number(&only.to_string()).filter(|node| suits(*node)),
                _ => None,
            };
            Ok(node.ok_or_else(|| format!("answers of {macs:?}")))
        })
    }

    /// Waits until nobody answers for an address.
    ///
    /// # Errors
    /// If somebody still does in the end.
    pub fn silent(&self, address: IpAddr, within: Duration) -> Result<()> {
        wait::until_seen(&format!("nobody to announce {address}"), within, || {
            let macs = self.answering(address)?;
            Ok(if macs.is_empty() {
                Ok(())
            } else {
                Err(format!("answers of {macs:?}"))
            })
        })
    }

    /// The first answer at port 80 of an address: kube-proxy takes up to a second to follow a change.
    ///
    /// # Errors
    /// If there is none in time; then with the last failure.
    pub fn fetch(&self, address: IpAddr, within: Duration) -> Result<Answer> {
        let url = format!("http://{}/", SocketAddr::new(address, 80));
        wait::until_seen(&format!("an answer at {address}"), within, || {
            Ok(self.http_get(&url, ATTEMPT).map_err(|failed| failed.to_string()))
        })
    }

    /// The first answer over UDP at an address; as [`Lab::fetch`].
    ///
    /// # Errors
    /// If there is none in time; then with the last failure.
    pub fn fetch_over_udp(&self, address: SocketAddr, within: Duration) -> Result<String> {
        wait::until_seen(&format!("an answer at {address} over UDP"), within, || {
            Ok(self.udp_ask(address, within).map_err(|failed| failed.to_string()))
        })
    }
}

/// True if the pod that gave this answer saw the first client's own address.
#[must_use]
pub fn saw_the_client(answer: &Answer) -> bool {
    let client = Machine::Client(1);
    let own = [
        format!("from={}:", client.ipv4()),
        format!("from=[{}]:", client.ipv6()),
    ];
    own.iter().any(|own| answer.body.contains(own))
}
