//! What speakers tell each other.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use ferrolb_crds::domain::NodeName;
use sha2::{Digest, Sha256};

use crate::mac::Mac;

/// Claims are spread over this many buckets by address, so that a difference is found and repaired in small pieces.
pub const BUCKETS: u8 = 64;

/// Other nodes are preferred over one that returned for no longer than this, however often it did.
pub const LONGEST_HOLD_DOWN: Duration = Duration::from_secs(600);

/// A message has no more findings than this: so many fit into a page of any segment (F13).
pub const MOST_FINDINGS: usize = 20;

/// A node, as frames name it: the first 128 bits of the SHA-256 of its name.
///
/// Names are unique in a cluster, and the key of a frame names the cluster.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NodeId(pub [u8; 16]);

/// One start of a speaker: 64 random bits. Boots have no order.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Boot(pub u64);

/// One start of the speaker of one node.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Instance {
    /// The node.
    pub node: NodeId,
    /// The start.
    pub boot: Boot,
}

/// An instance in 32 bits, as lists of many name it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Tag(pub u32);

/// The counter of a claim: a later claim of an address has a greater one.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Epoch(pub u64);

/// Counts the changes of something that one instance publishes.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Version(pub u64);

/// The content of a set or a bucket in 64 bits: equal content, equal digest.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ContentDigest(pub u64);

/// A frame without its Ethernet header and seal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Message {
    /// The instance that says it.
    pub from: Instance,
    /// Counts the frames of this boot on this interface, from 1.
    pub sequence: u64,
    /// What is said.
    pub body: Body,
}

/// What is said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Body {
    /// I am alive.
    Beacon(Beacon),
    /// These I hear.
    Heard(HeardPage),
    /// Claims of mine.
    Claims(ClaimsPage),
    /// What my buckets contain, in short.
    Buckets(BucketsPage),
    /// Please send yours.
    Request(Request),
    /// Does anybody hear this instance?
    Query(Instance),
    /// I do.
    Alive(Alive),
    /// You came back.
    Returned(Returned),
    /// This is what I found on the wire; by address, 1 to [`MOST_FINDINGS`].
    Findings(Vec<Finding>),
}

/// I am alive. Of fixed size.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Beacon {
    /// For how long the sender has run by its own clock, in whole milliseconds.
    pub uptime: Duration,
    /// How often a beacon comes, in whole milliseconds.
    pub interval: Duration,
    /// After this many intervals without one the sender is not heard any more.
    pub multiplier: u8,
    /// What the sender takes part in.
    pub state: State,
    /// What it says of itself.
    pub standing: Standing,
    /// The version of its list of the peers that it hears.
    pub heard: Version,
    /// The version of its claims.
    pub claims: Version,
    /// The digest of all its claims.
    pub digest: ContentDigest,
}

/// What an instance takes part in.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum State {
    /// Listens only.
    #[default]
    Joining,
    /// Claims and answers.
    Active,
    /// Yields everything, then ends.
    Leaving,
    /// Ends with this beacon: whatever it holds is nobody's from now on.
    Gone,
}

/// What an instance says of itself when others look for a holder.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Standing {
    /// It is drained or cordoned: others first.
    pub draining: bool,
    /// It came back a short while ago: others first.
    pub hold_down: bool,
}

/// Part of a list of all instances that the sender hears.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HeardPage {
    /// The version of the list.
    pub version: Version,
    /// Which part it is.
    pub part: Part,
    /// The instances of which the sender knows that they hear it.
    pub mutual: Vec<Tag>,
    /// The others.
    pub one_way: Vec<Tag>,
}

/// Part of a list that does not fit in one frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Part {
    /// From 0.
    pub index: u8,
    /// How many there are, at least 1.
    pub of: u8,
}

/// What a bucket contains, or what changed in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClaimsPage {
    /// Below [`BUCKETS`].
    pub bucket: u8,
    /// The version of the bucket that the entries change; none if they are all there is.
    pub base: Option<Version>,
    /// The version of the bucket with these entries.
    pub version: Version,
    /// The digest of the bucket at this version.
    pub digest: ContentDigest,
    /// Which part of the list it is.
    pub part: Part,
    /// By address; none for an entry that is no more.
    pub entries: Vec<(IpAddr, Option<Entry>)>,
}

/// What an instance says of an address.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Entry {
    /// It holds it.
    Hold(Hold),
    /// It gave it up.
    Released {
        /// The epoch of the claim that was given up.
        epoch: Epoch,
        /// The node that claims it now, and the version of that node's claims that has the claim.
        to: Option<(NodeId, Version)>,
    },
    /// It was asked to take the address over and will not.
    Declined {
        /// The epoch of the claim that was to be taken over.
        epoch: Epoch,
    },
}

impl Entry {
    /// The claim, if it is one.
    pub fn hold(&self) -> Option<&Hold> {
        match self {
            Self::Hold(hold) => Some(hold),
            Self::Released { .. } | Self::Declined { .. } => None,
        }
    }

    /// The epoch of the claim that it is, or is about.
    pub fn epoch(&self) -> Epoch {
        match self {
            Self::Hold(hold) => hold.epoch,
            Self::Released { epoch, .. } | Self::Declined { epoch } => *epoch,
        }
    }
}

/// A claim.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Hold {
    /// Its epoch.
    pub epoch: Epoch,
    /// Whether the claimant was up with more than half of those it knows, or nobody contradicted for long enough.
    pub backed: bool,
    /// The node that is to take over.
    pub yield_to: Option<NodeId>,
}

/// What all buckets contain, in short: [`BUCKETS`] of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BucketsPage {
    /// The version of the claims.
    pub version: Version,
    /// Version and digest of each bucket.
    pub buckets: Vec<(Version, ContentDigest)>,
}

/// Asks an instance for what it published.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Request {
    /// The instance that is to send it.
    pub of: Instance,
    /// What.
    pub what: Requested,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Requested {
    /// The list of the peers that it hears.
    Heard,
    /// What its buckets contain, in short.
    Buckets,
    /// The entries of these buckets: bit n is bucket n.
    Claims(u64),
}

/// An answer to [`Body::Query`]: the sender heard that instance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Alive {
    /// The instance.
    pub instance: Instance,
    /// How long ago, in whole milliseconds.
    pub age: Duration,
}

/// Tells an instance that its node came back, which it may not know itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Returned {
    /// The instance that came back.
    pub instance: Instance,
    /// How long others are still preferred over it, in whole milliseconds: 1 ms to [`LONGEST_HOLD_DOWN`].
    pub left: Duration,
}

/// What the witness of an address found when it asked for it on the wire.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Finding {
    /// The address.
    pub address: IpAddr,
    /// The node that holds it, as the witness knows.
    pub holder: NodeId,
    /// Which station answers.
    pub wire: Wire,
}

/// Which station answers for an address on the wire.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wire {
    /// The holder and no other.
    Ok,
    /// None. Frames of the holder come from this station.
    Unanswered(Mac),
    /// This station of another node, in place of the holder.
    WrongMac(Mac, NodeId),
    /// More than one: this station, and the holder or a third. With its node, if it is the station of one.
    Several(Mac, Option<NodeId>),
    /// This station, which is no node's, in place of the holder.
    Foreign(Mac),
}

impl Wire {
    /// Every state, as the value of a metric label.
    pub const LABELS: [&str; 5] = ["ok", "unanswered", "wrong_mac", "several", "foreign"];

    /// The state as the value of a metric label.
    pub fn label(self) -> &'static str {
        Self::LABELS[match self {
            Self::Ok => 0,
            Self::Unanswered(_) => 1,
            Self::WrongMac(..) => 2,
            Self::Several(..) => 3,
            Self::Foreign(_) => 4,
        }]
    }

    /// The station that is named; none if all is well.
    pub fn station(self) -> Option<Mac> {
        match self {
            Self::Ok => None,
            Self::Unanswered(mac) | Self::WrongMac(mac, _) | Self::Several(mac, _) | Self::Foreign(mac) => {
                Some(mac)
            }
        }
    }
}

impl NodeId {
    /// The node of this name.
    pub fn of(node: &NodeName) -> Self {
        let digest = Sha256::digest(node.as_str());
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        Self(id)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Instance {
    /// The instance in 32 bits.
    pub fn tag(self) -> Tag {
        let digest = Sha256::new()
            .chain_update(self.node.0)
            .chain_update(self.boot.0.to_be_bytes())
            .finalize();
        Tag(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]))
    }
}
