//! Every name that other programs see: annotations, labels, field managers, condition types, sources of events.

/// Prefix of the annotations that users write.
pub const PREFIX: &str = "metallb.io/";
/// The older prefix, honoured with a warning event; the newer one wins where both are present.
pub const DEPRECATED_PREFIX: &str = "metallb.universe.tf/";

/// Prefix of what MetalLB does not have.
pub const OWN_PREFIX: &str = "ferrolb.io/";

/// Annotation (without prefix): take the addresses from this pool, also when it has `autoAssign: false`.
pub const ADDRESS_POOL: &str = "address-pool";
/// Annotation (without prefix): comma-separated addresses asked for, one per family.
pub const LOAD_BALANCER_IPS: &str = "loadBalancerIPs";
/// Annotation (without prefix): Services with the same value may share an address.
pub const ALLOW_SHARED_IP: &str = "allow-shared-ip";

/// Annotation written by the controller: the pool of the Service's first address.
pub const ALLOCATED_FROM_POOL: &str = "metallb.io/ip-allocated-from-pool";
/// The same, as MetalLB before 0.13 wrote it.
pub const ALLOCATED_FROM_POOL_BEFORE: &str = "metallb.universe.tf/ip-allocated-from-pool";

/// Annotation written by the controller: the pool of the Service's second address, if it is another than that of the first.
pub const SECOND_ALLOCATED_FROM_POOL: &str = "ferrolb.io/second-allocated-from-pool";

/// Annotation of an `IPAddressPool`: Services that ask for them may have addresses of nodes and of the API server.
pub const ALLOW_NODE_ADDRESSES: &str = "ferrolb.io/allow-node-addresses";
/// Annotation of an `IPAddressPool`: a sharing key counts in all namespaces.
pub const ALLOW_SHARING_ACROSS_NAMESPACES: &str = "ferrolb.io/allow-sharing-across-namespaces";

/// Annotation of a `BGPPeer`: what comes from it has to show by its TTL that no router sent it on (RFC 5082).
pub const TTL_SECURITY: &str = "ferrolb.io/ttl-security";

/// Annotation of a `BGPAdvertisement`: [`READY_ENDPOINTS`] has each route say how many of them are on the node.
pub const LINK_BANDWIDTH: &str = "ferrolb.io/link-bandwidth";
/// The value of [`LINK_BANDWIDTH`].
pub const READY_ENDPOINTS: &str = "ready-endpoints";

/// Annotation: comma-separated addresses that the Service gives up as soon as others are to be had (`ferrolb pool drain`).
pub const GIVE_UP: &str = "ferrolb.io/give-up";

/// Node label: never announce from here (`kubeadm` and Talos put it on control planes).
pub const EXCLUDE_NODE: &str = "node.kubernetes.io/exclude-from-external-load-balancers";
/// Node taint: the node was shut down for good and its pods may be started elsewhere.
pub const OUT_OF_SERVICE_TAINT: &str = "node.kubernetes.io/out-of-service";

/// Label of a `ServiceL2Status` or `ServiceBGPStatus`: the announcing node.
pub const STATUS_NODE: &str = "metallb.io/node";
/// Label of a `ServiceL2Status` or `ServiceBGPStatus`: the Service's name.
pub const STATUS_SERVICE_NAME: &str = "metallb.io/service-name";
/// Label of a `ServiceL2Status` or `ServiceBGPStatus`: the Service's namespace.
pub const STATUS_SERVICE_NAMESPACE: &str = "metallb.io/service-namespace";

/// Label of a `BGPSessionState`: the node.
pub const SESSION_NODE: &str = "frrk8s.metallb.io/node";
/// Label of a `BGPSessionState`: the peer's address.
pub const SESSION_PEER: &str = "frrk8s.metallb.io/peer";
/// Label of a `BGPSessionState`: the VRF, or nothing.
pub const SESSION_VRF: &str = "frrk8s.metallb.io/vrf";

/// Label of a `ConfigurationState`: which daemon wrote it.
pub const STATE_COMPONENT: &str = "metallb.io/component-type";
/// Label of a `ConfigurationState`: the speaker's node.
pub const STATE_NODE: &str = "metallb.io/node-name";
/// Annotation of a speaker's `ConfigurationState`: the interfaces of its node and the subnets that they are on.
pub const LINKS: &str = "ferrolb.io/links";
/// Annotation of a speaker's `ConfigurationState`: the peers with which its node has BGP sessions that are up.
pub const SESSIONS: &str = "ferrolb.io/sessions";
/// Annotation of a `ServiceL2Status`: the node that its Service is to move to (`ferrolb rebalance`).
pub const MOVE_TO: &str = "ferrolb.io/move-to";
/// On a `ServiceL2Status`, by its speaker: why the Service came to the node, in one word.
pub const MOVE_CAUSE: &str = "ferrolb.io/move-cause";
/// On a `ServiceL2Status`, by its speaker: how long that took, in milliseconds.
pub const MOVE_TOOK_MS: &str = "ferrolb.io/move-took-ms";
/// The Lease that the leading controller renews.
pub const CONTROLLER_LEASE: &str = "ferrolb-controller";
/// Annotation of the controllers' Lease: addresses given back a moment ago, by whom, and until when they wait for them.
pub const GIVEN_BACK: &str = "ferrolb.io/given-back";
/// Condition type of the controller's `ConfigurationState`.
pub const POOLS_VALID: &str = "poolReconcilerValid";
/// Condition type of a speaker's `ConfigurationState`.
pub const CONFIGURATION_VALID: &str = "configReconcilerValid";

/// Condition on a Service: does it have its addresses, and if not, why.
pub const CONDITION_ASSIGNED: &str = "ferrolb.io/Assigned";
/// Condition on a Service: does a node announce its addresses, and if not, why.
pub const CONDITION_ANNOUNCED: &str = "ferrolb.io/Announced";
/// Its reason while the Service is announced as it should be.
pub const ANNOUNCED: &str = "Announced";

/// The Secret with the key of the speakers' protocol, and the key in it: MetalLB's names, so that an installation keeps its own.
pub const KEY_SECRET: &str = "memberlist";
/// The entry of [`KEY_SECRET`].
pub const KEY_SECRET_ENTRY: &str = "secretkey";

/// Field manager of the controller's server-side applies. Installations of different classes in one cluster each have their own, so
/// that none removes what another one wrote.
pub fn controller_manager(namespace: &str) -> String {
    match namespace {
        DEFAULT_NAMESPACE => "ferrolb-controller".to_owned(),
        other => format!("ferrolb-controller.{other}"),
    }
}
/// Field manager of the speakers' server-side applies.
pub const SPEAKER_MANAGER: &str = "ferrolb-speaker";

/// The reporting controller of the controller's events: MetalLB's, by which dashboards and scripts filter.
pub const CONTROLLER_EVENTS: &str = "metallb-controller";
/// The reporting controller of the speakers' events: MetalLB's too.
pub const SPEAKER_EVENTS: &str = "metallb-speaker";

/// The namespace of the installation, also where pools and advertisements live.
pub const DEFAULT_NAMESPACE: &str = "metallb-system";
