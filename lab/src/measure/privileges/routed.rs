//! The part of the script with a router: a session with a password, a Service that it is told of, and the end of both.

use ferrolb_routers::Bird;
use serde_json::json;

use crate::lab::Lab;
use crate::measure::holding;
use crate::plan::Machine;
use crate::program::NAMESPACE;

const ROUTER: Machine = Machine::Client(1);
const PASSWORD: &str = "hunter2";

/// BIRD, to which both nodes have a session.
pub(super) fn router(lab: &Lab) -> Bird {
    let session = |node| {
        format!(
            "protocol bgp n{node} {{ local {} as 64501; neighbor {} as 64512; passive; password \"{PASSWORD}\"; \
             error wait time 1, 2; ipv4 {{ import all; export none; }}; }}\n",
            ROUTER.ipv4(),
            Machine::Node(node).ipv4()
        )
    };
    let sessions: String = lab.plan().nodes().map(session).collect();
    Bird::start(&lab.plan().full_name(ROUTER), &sessions)
}

/// The peer, its password, and an advertisement of all pools.
pub(super) fn objects() -> String {
    let named = |name: &str| json!({"name": name, "namespace": NAMESPACE});
    holding::list([
        json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/basic-auth",
               "metadata": named("tor"), "stringData": {"username": "", "password": PASSWORD}}),
        json!({"apiVersion": "metallb.io/v1beta2", "kind": "BGPPeer", "metadata": named("tor"),
               "spec": {"myASN": 64512, "peerASN": 64501, "peerAddress": ROUTER.ipv4().to_string(),
                        "passwordSecret": {"name": "tor"}}}),
        json!({"apiVersion": "metallb.io/v1beta1", "kind": "BGPAdvertisement", "metadata": named("tor"),
               "spec": {}}),
    ])
}
