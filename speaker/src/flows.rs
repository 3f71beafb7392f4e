//! UDP flows of addresses that changed hands.
//!
//! The kernel keeps the translation of a flow for as long as it does not pause. kube-proxy clears it when the UDP endpoints
//! of a Service change, but not when an address and port go from one Service to another: without more, one tenant's
//! datagrams go on to another's pods.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ferrolb_crds::domain::ServiceKey;
use ferrolb_rawlink::conntrack::forget_udp;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::may::Service;

/// After the change: kube-proxy may still have the old rules for a while, and a flow that begins meanwhile follows them.
const FORGET_AFTER: [Duration; 3] = [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(10)];

/// Which Service has each address and UDP port.
pub(crate) type Owners = BTreeMap<SocketAddr, ServiceKey>;

/// The flows to forget and when.
#[derive(Debug, Default)]
pub(crate) struct Flows {
    /// None before the first pass: what runs then is right, or was forgotten by a speaker before.
    owners: Option<Owners>,
    due: BTreeMap<Instant, BTreeSet<SocketAddr>>,
}

impl Flows {
    /// Flows of whatever went from, to or between Services since the last time are due.
    pub(crate) fn follow(&mut self, owners: Owners, now: Instant) {
        if let Some(before) = &self.owners {
            let either = before.keys().chain(owners.keys());
            let changed: BTreeSet<SocketAddr> = either
                .filter(|pair| before.get(pair) != owners.get(pair))
                .copied()
                .collect();
            if !changed.is_empty() {
                for after in FORGET_AFTER {
                    self.due.entry(now + after).or_default().extend(&changed);
                }
            }
        }
        self.owners = Some(owners);
    }

    /// Forgets what is due by now, in the background.
    pub(crate) fn forget_due(&mut self, now: Instant) {
        let flows = self.take(now);
        if !flows.is_empty() {
            drop(spawn_blocking(move || forget(&flows)));
        }
    }

    fn take(&mut self, now: Instant) -> BTreeSet<SocketAddr> {
        let mut due = BTreeSet::new();
        while let Some(first) = self.due.first_entry().filter(|first| *first.key() <= now) {
            due.append(&mut first.remove());
        }
        due
    }

    /// When something is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.due.first_key_value().map(|(at, _)| *at)
    }
}

/// The addresses and UDP ports of Services.
pub(crate) fn owners(services: &BTreeMap<ServiceKey, Service>) -> Owners {
    let mut owners = Owners::new();
    for (key, Service { view, .. }) in services {
        for number in &view.udp_ports {
            let pair = |address| (SocketAddr::new(address, *number), key.clone());
            owners.extend(view.ingress.iter().map(pair));
        }
    }
    owners
}

/// Whether this process may forget flows; says so if not.
pub(crate) fn may_forget() -> bool {
    match forget_udp(&BTreeSet::new()) {
        Ok(_) => true,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            tracing::info!(
                "without NET_ADMIN, UDP flows of an address that changes hands stay with its old Service"
            );
            false
        }
        Err(error) => {
            tracing::warn!(%error, "UDP flows of an address that changes hands stay with its old Service");
            false
        }
    }
}

fn forget(flows: &BTreeSet<SocketAddr>) {
    match forget_udp(flows) {
        Ok(0) => {}
        Ok(forgotten) => tracing::info!(forgotten, destinations = flows.len(), "UDP flows forgotten"),
        Err(error) => tracing::warn!(%error, "UDP flows not forgotten"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(pairs: &[(&str, &str)]) -> Owners {
        let pair = |(pair, name): &(&str, &str)| (pair.parse().unwrap(), ServiceKey::new("default", *name));
        pairs.iter().map(pair).collect()
    }

    fn due(before: &[(&str, &str)], after: &[(&str, &str)]) -> Vec<String> {
        let (mut flows, now) = (Flows::default(), Instant::now());
        flows.follow(owned(before), now);
        flows.follow(owned(after), now);
        flows.take(now).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_there_is_at_the_start_is_left_alone() {
        let (mut flows, now) = (Flows::default(), Instant::now());
        flows.follow(owned(&[("192.0.2.1:53", "a")]), now);
        assert_eq!(flows.next(), None);
    }

    #[test]
    fn a_port_that_goes_from_to_or_between_services_has_flows_to_forget() {
        assert_eq!(due(&[("192.0.2.1:53", "a")], &[]), ["192.0.2.1:53"]);
        assert_eq!(due(&[], &[("192.0.2.1:53", "a")]), ["192.0.2.1:53"]);
        let from_a_to_b = due(&[("[2001:db8::1]:53", "a")], &[("[2001:db8::1]:53", "b")]);
        assert_eq!(from_a_to_b, ["[2001:db8::1]:53"]);
    }

    #[test]
    fn what_stays_with_its_service_keeps_its_flows() {
        let both = [("192.0.2.1:53", "a"), ("192.0.2.1:54", "b")];
        assert_eq!(due(&both, &both[..1]), ["192.0.2.1:54"]);
    }

    #[test]
    fn flows_are_forgotten_again_once_kube_proxy_has_followed() {
        let (mut flows, now) = (Flows::default(), Instant::now());
        flows.follow(owned(&[("192.0.2.1:53", "a")]), now);
        flows.follow(Owners::new(), now);
        for after in FORGET_AFTER {
            assert_eq!(flows.next(), Some(now + after));
            assert_eq!(flows.take(now + after).len(), 1);
        }
        assert_eq!(flows.next(), None);
    }
}
