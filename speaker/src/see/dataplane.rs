//! What this node's kernel and kube-proxy do with the packets that follow an answer. Looked at every few seconds: the kernel
//! tells nobody when a setting changes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use ferrolb_crds::domain::{InterfaceName, Reason, is_link_local};
use ferrolb_rawlink::links::{Link, LinkTable};
use ferrolb_runtime::newest::send_if_other;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::kernel::Kernel;
use super::kube_proxy::{self, Pulse};
use crate::facts::{InterfaceFacts, KubeProxy};
use crate::layer2::announce::Views;

const EVERY: Duration = Duration::from_secs(5);

/// What was found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Dataplane {
    /// The interfaces on which this node could announce.
    pub(crate) interfaces: BTreeMap<InterfaceName, InterfaceFacts>,
    /// That of the IPv4 default route.
    pub(crate) default_route: Option<InterfaceName>,
    pub(crate) kube_proxy: KubeProxy,
}

impl Dataplane {
    pub(crate) fn read(links: &LinkTable, views: &Views, kube_proxy: KubeProxy) -> Self {
        let kernel = Kernel::default();
        let named = links
            .values()
            .map(|link| (InterfaceName::from(link.name.as_str()), link));
        let interfaces = named
            .filter(|(name, _)| views.contains_key(name))
            .map(|(name, link)| {
                let facts = InterfaceFacts {
                    settings: kernel.settings(&name),
                    ..InterfaceFacts::of(link)
                };
                (name, facts)
            });
        Self {
            interfaces: interfaces.collect(),
            default_route: kernel.default_route(),
            kube_proxy,
        }
    }

    /// What keeps packets for an address from getting on that is announced on these interfaces. What is certain comes first.
    pub(crate) fn doubt(&self, address: IpAddr, announced: &BTreeSet<InterfaceName>) -> Option<Reason> {
        let facts = announced
            .iter()
            .filter_map(|name| Some((name, self.interfaces.get(name)?)));
        // On several segments, those on another one reach it.
        let unplugged = facts
            .clone()
            .next()
            .filter(|_| facts.clone().all(|(_, one)| !one.carrier));
        if let Some((name, _)) = unplugged {
            return Some(Reason::NoCarrier(name.clone()));
        }
        let mut of_interfaces = facts.filter_map(|(name, facts)| match address {
            IpAddr::V4(_) => facts.reverse_path_doubt(name, self.default_route.as_ref()),
            IpAddr::V6(_) => facts.ipv6_doubt(name),
        });
        of_interfaces.next().or_else(|| self.kube_proxy.doubt())
    }
}

/// Looks again and again, as long as anybody wants to know.
pub(crate) fn watch(
    links: watch::Receiver<LinkTable>,
    views: watch::Receiver<Views>,
) -> watch::Receiver<Dataplane> {
    let (found, seen) = watch::channel(Dataplane::default());
    tokio::spawn(async move {
        let mut pulse = Pulse::default();
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !found.is_closed() {
            ticks.tick().await;
            let kube_proxy = pulse.take(kube_proxy::ask().await);
            let links = links.borrow().clone();
            let now = Dataplane::read(&links, &views.borrow(), kube_proxy);
            send_if_other(&found, now);
        }
    });
    seen
}

impl InterfaceFacts {
    fn of(link: &Link) -> Self {
        let is_link_local = |(address, _): &(IpAddr, u8)| address.is_ipv6() && is_link_local(*address);
        Self {
            up: link.up,
            carrier: link.carrier,
            mtu: link.mtu,
            link_local: link.addresses.iter().any(is_link_local),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::facts::Settings;
    use crate::see::fixture::link;

    fn well() -> Dataplane {
        let eth0 = InterfaceFacts {
            carrier: true,
            link_local: true,
            ..InterfaceFacts::default()
        };
        Dataplane {
            interfaces: [("eth0".into(), eth0)].into(),
            default_route: Some("eth0".into()),
            kube_proxy: KubeProxy::Healthy,
        }
    }

    fn set(found: &mut Dataplane, settings: Settings) {
        for one in found.interfaces.values_mut() {
            one.settings = settings;
        }
    }

    fn strict(found: &mut Dataplane) {
        set(
            found,
            Settings {
                rp_filter: Some(1),
                ..Settings::default()
            },
        );
        found.default_route = Some("eth1".into());
    }

    fn without_ipv6(found: &mut Dataplane) {
        set(
            found,
            Settings {
                ipv6_disabled: true,
                ..Settings::default()
            },
        );
    }

    fn without_link_local(found: &mut Dataplane) {
        found
            .interfaces
            .values_mut()
            .for_each(|one| one.link_local = false);
    }

    fn without_carrier(found: &mut Dataplane) {
        found.interfaces.values_mut().for_each(|one| one.carrier = false);
    }

    fn without_kube_proxy(found: &mut Dataplane) {
        found.kube_proxy = KubeProxy::Silent;
    }

    #[rstest]
    #[case::well(|_: &mut Dataplane| {}, "192.0.2.200", None)]
    #[case::strict(strict, "192.0.2.200", Some("StrictReversePath"))]
    #[case::strict_is_for_ipv4(strict, "2001:db8::200", None)]
    #[case::no_ipv6(without_ipv6, "2001:db8::200", Some("Ipv6Off"))]
    #[case::no_ipv6_for_ipv4(without_ipv6, "192.0.2.200", None)]
    #[case::no_link_local(without_link_local, "2001:db8::200", Some("NoLinkLocal"))]
    #[case::no_carrier(without_carrier, "192.0.2.200", Some("NoCarrier"))]
    #[case::no_kube_proxy(without_kube_proxy, "192.0.2.200", Some("KubeProxyDown"))]
    fn what_keeps_packets_of_an_address_from_getting_on(
        #[case] breaks: fn(&mut Dataplane),
        #[case] address: &str,
        #[case] expected: Option<&str>,
    ) {
        let mut found = well();
        breaks(&mut found);
        let announced = BTreeSet::from(["eth0".into()]);
        let doubt = found.doubt(address.parse().unwrap(), &announced);
        assert_eq!(doubt.as_ref().map(Reason::word), expected);
        assert_eq!(
            found
                .doubt(address.parse().unwrap(), &BTreeSet::new())
                .as_ref()
                .map(Reason::word),
            expected.filter(|word| *word == "KubeProxyDown")
        );
    }

    #[test]
    fn an_address_that_is_announced_on_another_interface_too_is_reached_there() {
        let mut found = well();
        without_carrier(&mut found);
        let connected = well().interfaces.into_values().next().unwrap();
        found.interfaces.insert("eth1".into(), connected);
        let both = BTreeSet::from(["eth0".into(), "eth1".into()]);
        assert_eq!(found.doubt("192.0.2.200".parse().unwrap(), &both), None);
    }

    #[rstest]
    #[case(&["192.0.2.11", "fe80::1"], true)]
    #[case(&["169.254.1.1", "2001:db8::1"], false)]
    fn a_link_local_address_is_one_of_ipv6(#[case] addresses: &[&str], #[case] expected: bool) {
        assert_eq!(
            InterfaceFacts::of(&link(1, "eth0", addresses)).link_local,
            expected
        );
    }
}
