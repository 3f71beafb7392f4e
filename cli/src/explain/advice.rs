//! What to do about each cause.

use std::collections::BTreeSet;

use ferrolb_crds::domain::{Reason, ServiceClass};

/// What to do about a condition of another word than those below.
pub(super) const OF_CONDITION: &str =
    "See docs/operations.md, Conditions, for the reason, and read the logs of the speakers.";

/// What to do about a refusal; where each node has a reason of its own, about each of these.
pub(super) fn of(reason: &Reason) -> Vec<String> {
    let words: BTreeSet<&str> = match reason {
        Reason::NoEligibleNode(nodes) => nodes.values().map(Reason::word).collect(),
        other => [other.word()].into(),
    };
    words.into_iter().filter_map(of_word).map(str::to_owned).collect()
}

/// What to do about a Service that is not ours.
pub(super) fn of_class(class: &ServiceClass, ours: Option<&str>) -> Vec<String> {
    let advice = match (class, ours) {
        (ServiceClass::NotLoadBalancer, _) => "Set spec.type: LoadBalancer.".to_owned(),
        (_, Some(ours)) => format!("Make it anew with spec.loadBalancerClass: {ours}, which cannot be changed later."),
        (_, None) => "Make it anew without spec.loadBalancerClass, which cannot be changed later; or start the daemons with \
                      --lb-class, and give this command the same flag."
            .to_owned(),
    };
    vec![advice]
}

/// What to do about a reason that is known by its word alone.
pub(super) fn of_word(word: &str) -> Option<&'static str> {
    Some(match word {
        "NoPools" => "Make an IPAddressPool with addresses that are free on the LAN (README.md, Configure).",
        "InvalidFamilies" => {
            "Correct spec.ipFamilyPolicy and spec.ipFamilies. A headless Service can have no address."
        }
        "InvalidRequest" => "Correct the field or annotation that is named.",
        "FamilyMismatch" => "Ask for addresses of the Service's families, or change spec.ipFamilyPolicy.",
        "UnknownPool" => {
            "Correct annotation metallb.io/address-pool, or make the pool: kubectl get ipaddresspools -A lists those that are there."
        }
        "NotInAnyPool" => "Ask for an address of a pool, or add this one to a pool.",
        "NotInPool" => "Ask for an address of that pool, or name the pool that holds the address.",
        "NotAdmitted" => "Change spec.serviceAllocation of the pool, or ask for an address of another one.",
        "InUse" => {
            "Ask for another address. Two Services share one if both have annotation metallb.io/allow-shared-ip with the same value and different ports."
        }
        "Occupied" => {
            "Ask for another address. One of a node or of the API server is given out only if the pool has annotation ferrolb.io/allow-node-addresses."
        }
        "NoAddress" => {
            "Add addresses to a pool that is for the Service; what each pool lacks is said above. ferrolb status shows how full they are."
        }
        "StatusDisputed" => {
            "Stop the other controller, or give the Service a spec.loadBalancerClass that only one of them serves."
        }
        "OutsidePools" => "Add the address to an IPAddressPool.",
        "NotAdvertised" => {
            "Make an L2Advertisement that selects the pool; one without spec.ipAddressPools selects every pool."
        }
        "ServiceNotSelected" => {
            "Change spec.serviceSelectors of the L2Advertisement, or the labels of the Service."
        }
        "SharedWithServiceSelectors" => {
            "Remove the annotation, or spec.serviceSelectors of the L2Advertisement."
        }
        "NoEndpoints" => {
            "Find out why no pod is ready: kubectl get endpointslices -l kubernetes.io/service-name=NAME, and the pods that spec.selector selects."
        }
        "WireTaken" => {
            "Find the station with the MAC address that is named, and take the address from it, or from the pool. A Service that does not ask for this address gets another one by itself."
        }
        "NoKey" => {
            "Let a controller run: it makes Secret memberlist if there is none. Otherwise its entry secretkey is too short or missing."
        }
        "NoNodes" | "NoEligibleNode" => "What keeps each node out is said above (docs/election.md, Nobody).",
        "WireSilent" => {
            "Look on the announcing node and the switch for what drops ARP or neighbour discovery (docs/operations.md, Checked on the wire)."
        }
        "WireDisputed" => {
            "Find the station with the MAC address that is named, and take the address from it. Of a node, ferrolb doctor says whether its speaker is heard and has the key of the others (FD15, FD16)."
        }
        "NoCarrier" => {
            "Plug the interface in, or let another interface or node announce (spec.interfaces and spec.nodeSelectors of the L2Advertisement)."
        }
        "Ipv6Off" | "NoLinkLocal" => {
            "Switch IPv6 on (sysctl net.ipv6.conf.IF.disable_ipv6=0), or leave the node out by spec.nodeSelectors of the L2Advertisement."
        }
        "StrictReversePath" => {
            "Set net.ipv4.conf.IF.rp_filter to 2 on the node that is named, and in /etc/sysctl.d; the kernel goes by the greater of all and the interface."
        }
        "KubeProxyDown" => {
            "Find out why kube-proxy does not run there: kubectl get pods -n kube-system -l k8s-app=kube-proxy -o wide, and its log."
        }
        "NotSelected" => "Change spec.nodeSelectors of the L2Advertisement, or the labels of a node.",
        "Excluded" => {
            "Remove the label from a node: kubectl label node NODE node.kubernetes.io/exclude-from-external-load-balancers-; or start the speakers with --ignore-exclude-lb."
        }
        "NetworkUnavailable" => {
            "Find out why the node's network is not set up; its CNI or cloud provider clears the condition."
        }
        "NotAlive" => {
            "Find out why no speaker runs there: kubectl get pods -n metallb-system -l component=speaker -o wide, and their logs."
        }
        "NoLocalEndpoint" => {
            "Let a pod run on a node that may announce, or set spec.externalTrafficPolicy: Cluster."
        }
        "NoInterface" => {
            "Name an interface that the node has in spec.interfaces of the L2Advertisement, or switch one on (docs/operations.md, Interfaces)."
        }
        "OffLink" => "Let nodes of the address's subnet announce, or name interfaces in the L2Advertisement.",
        "SeveralHolders" => {
            "Find out what keeps frames of EtherType 0x88B5 from passing between these nodes, or start the speakers with --segment-transport auto."
        }
        "NoPeer" => "Make a BGPPeer, or correct spec.peers of the BGPAdvertisement (docs/bgp.md).",
        "FamilyNotCarried" => {
            "Set spec.dualStackAddressFamily of a BGPPeer, or make a peer of that family; a session that is up begins anew."
        }
        "NoEndpointBehindPeers" => {
            "Let a pod run on a node with a session, let more nodes have one (spec.nodeSelectors of the BGPPeer), or set spec.externalTrafficPolicy: Cluster."
        }
        "NoSession" => {
            "Read the events of the BGPPeers, which have the routers' own words: kubectl get events -n metallb-system --field-selector involvedObject.kind=BGPPeer."
        }
        "NotSelectedForBgp" => "Change spec.nodeSelectors of the BGPAdvertisement, or the labels of a node.",
        "NoPeerHere" => "Change spec.nodeSelectors of the BGPPeer, or the labels of a node.",
        "NotFound" => "Check name and namespace (-n): kubectl get services -A lists all.",
        "Unreadable" => "Correct the field that is named.",
        "NoController" => {
            "Find out why no controller runs: kubectl get pods -n metallb-system -l component=controller, and their logs."
        }
        "NotWritten" => "Wait a moment and ask again. If it stays so, read the logs of the controllers.",
        "NotHeld" => {
            "Wait a moment and ask again. If it stays so, read the logs of the speakers on these nodes."
        }
        "SaysOtherwise" => {
            "Wait a moment and ask again. If it stays so, read the logs of the speakers, and see who else writes the condition or the objects."
        }
        "SpeakerNotReady" => {
            "Find out why it is not ready: kubectl get pods -n metallb-system -l component=speaker -o wide, and its log."
        }
        "OffSubnet" => {
            "Use addresses of a subnet of the nodes, or route them to the segment and name the interfaces in the L2Advertisement."
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::VariantNames;

    #[test]
    fn there_is_advice_for_every_reason() {
        // Soft reasons keep no node out; a Service that is not ours has advice of its own; the last is another one in a coat.
        let without = [
            "Cordoned",
            "EndpointsTerminating",
            "OutOfService",
            "NotOurs",
            "StatusLeft",
        ];
        for word in Reason::VARIANTS {
            assert_eq!(of_word(word).is_some(), !without.contains(word), "{word}");
        }
    }
}
