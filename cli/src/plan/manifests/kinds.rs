//! What kind an object is of, and whether that is read.

use super::node::Node;

/// Kinds that are read, with each version of theirs.
const READ: [(&str, &str, Kind); 11] = [
    ("metallb.io/v1beta1", "IPAddressPool", Kind::Pool),
    ("metallb.io/v1beta1", "L2Advertisement", Kind::Advert),
    ("metallb.io/v1beta2", "BGPPeer", Kind::Peer),
    ("metallb.io/v1beta1", "BGPPeer", Kind::OldPeer),
    ("metallb.io/v1beta1", "BGPAdvertisement", Kind::BgpAdvert),
    ("metallb.io/v1beta1", "BFDProfile", Kind::Profile),
    ("metallb.io/v1beta1", "Community", Kind::Community),
    ("v1", "Service", Kind::Service),
    ("discovery.k8s.io/v1", "EndpointSlice", Kind::Slice),
    ("v1", "Node", Kind::Node),
    ("v1", "Namespace", Kind::Namespace),
];

/// The API group of MetalLB and of FerroLB.
pub(crate) const GROUP: &str = "metallb.io";

/// What the daemons write themselves.
const WRITTEN: [&str; 2] = ["ServiceL2Status", "ConfigurationState"];

/// A kind of object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Pool,
    Advert,
    Peer,
    /// A BGPPeer in its older version.
    OldPeer,
    BgpAdvert,
    Profile,
    Community,
    Service,
    Slice,
    Node,
    Namespace,
    /// A kind of MetalLB that FerroLB does not read.
    Unread,
    /// Anything else, which the daemons do not look at.
    Other,
}

/// The kind of an object, or why there is none like it.
pub(super) fn kind(object: &Node) -> Result<Kind, String> {
    let field = |name: &str| {
        let text = object.text(name).filter(|text| !text.is_empty());
        text.ok_or_else(|| format!("{name}: must be a text that is not empty"))
    };
    let (version, kind) = (field("apiVersion")?, field("kind")?);
    let of_list = kind.strip_suffix("List");
    if of_list.is_some_and(|of| of.is_empty() || READ.iter().any(|(_, name, _)| *name == of)) {
        return Err("items: must be a list".to_owned());
    }
    if let Some((.., read)) = READ
        .iter()
        .find(|(of_read, name, _)| (version, kind) == (*of_read, *name))
    {
        return Ok(*read);
    }
    let group = group(version);
    for (of_read, name, _) in READ {
        if group != self::group(of_read) {
            continue;
        }
        let alike = kind.eq_ignore_ascii_case(name)
            || kind
                .strip_suffix('s')
                .is_some_and(|one| one.eq_ignore_ascii_case(name));
        if kind == name {
            return Err(format!("apiVersion: {version} has no {kind}; {of_read} has"));
        }
        if alike {
            return Err(format!("kind: {version} has no {kind}; is {name} meant?"));
        }
    }
    Ok(if is_unread(group, kind) {
        Kind::Unread
    } else {
        Kind::Other
    })
}

/// Whether this is a kind of MetalLB that FerroLB has not, or that these commands do not read.
pub(crate) fn is_unread(group: &str, kind: &str) -> bool {
    let is_read = READ
        .iter()
        .any(|(version, name, _)| self::group(version) == group && *name == kind);
    group == GROUP && !is_read && !WRITTEN.contains(&kind)
}

/// The group of an `apiVersion`; empty for the core.
pub(crate) fn group(version: &str) -> &str {
    version.split_once('/').map_or("", |(group, _)| group)
}

/// Why objects of this kind of MetalLB do nothing.
pub(crate) fn why_unread(kind: &str) -> String {
    match kind {
        "AddressPool" => {
            "this kind is not read: IPAddressPool and L2Advertisement have taken its place (MetalLB 0.13)"
                .to_owned()
        }
        _ => "this kind is not read".to_owned(),
    }
}
