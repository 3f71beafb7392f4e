use super::*;
use crate::mac::Mac;

const A: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const B: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

fn line(second: u64, step: &str, address: Option<Ipv4Addr>) -> Line {
    Line {
        at: at(second),
        step: step.to_owned(),
        address: address.map(|address| address.to_string()),
        peer: None,
    }
}

fn at(second: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(second)
}

#[test]
fn a_claim_belongs_to_the_decision_before_it() {
    let lines = [
        line(1, "detect", None),
        line(2, "decide", None),
        line(3, "claim", Some(A)),
        line(4, "decide", None),
        line(5, "claim", Some(B)),
    ];
    assert_eq!(decisions(&lines), BTreeMap::from([(A, at(2)), (B, at(4))]));
}

#[test]
fn a_claim_without_a_decision_says_nothing() {
    assert_eq!(decisions(&[line(3, "claim", Some(A))]), BTreeMap::new());
}

#[test]
fn the_node_with_the_most_is_the_victim() {
    let holders = BTreeMap::from([(A, 2), (B, 2)]);
    let victim = fullest(&holders, [1, 2, 3].into_iter());
    assert_eq!((victim.node, victim.held.len()), (2, 2));
}

#[test]
fn of_each_address_the_first_announcement_counts() {
    let now = Instant::now();
    let heard = [(A, 1), (A, 2), (B, 3)].map(|(address, second)| Announcement {
        at: now + Duration::from_secs(second),
        address: address.into(),
        mac: Mac::BROADCAST,
    });
    let firsts = first_of_each(heard.iter(), &BTreeSet::from([A]));
    assert_eq!(firsts.len(), 1);
    assert_eq!(firsts[&A].at, now + Duration::from_secs(1));
}

#[test]
fn a_write_is_early_if_the_server_received_it_before() {
    let write = |second| Write {
        verb: "patch".into(),
        resource: "services/status".into(),
        name: String::new(),
        code: 200,
        received: Some(at(second)),
    };
    assert_eq!(early(&[write(1), write(2), write(3)], at(2)), 1);
}
