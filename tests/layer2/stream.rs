//! A client that sends 200 requests a second through an address, and beside each the same to the node port of every
//! node, which tells what that node would have made of it.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use ferrolb_lab::plan::Machine;
use ferrolb_lab::probe::Tap;
use ferrolb_lab::requests::{GAP, PATIENCE, Request, SetWhenDropped, lost_socket};
use ferrolb_lab::{Lab, Mac, Result};

/// Where the requests go.
pub(crate) struct Targets {
    pub(crate) address: SocketAddrV4,
    pub(crate) nodes: BTreeMap<u8, SocketAddr>,
}

/// Requests that were sent at the same time.
struct Round {
    at: Instant,
    through_address: Request,
    to_nodes: BTreeMap<u8, Request>,
    /// Where the client believed the address to be.
    pointed: Option<Mac>,
}

/// What became of the requests through the address.
#[derive(Debug, Default)]
pub(crate) struct Fates {
    pub(crate) sent: usize,
    /// Lost although the node that the client sent them to served at the time.
    pub(crate) lost_at_a_serving_node: usize,
    /// Lost because the client sent them to a node that did not serve, while another one did.
    pub(crate) lost_at_the_wrong_node: usize,
    /// Lost while no node served.
    pub(crate) lost_with_no_node: usize,
}

impl fmt::Display for Fates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} requests; lost: {} at a node that served, {} at one that did not while another did, {} while none did",
            self.sent, self.lost_at_a_serving_node, self.lost_at_the_wrong_node, self.lost_with_no_node
        )
    }
}

/// Sends from the first client while `work` is done, and until everything has been answered or given up.
pub(crate) fn during<T>(
    lab: &Lab,
    targets: &Targets,
    work: impl FnOnce() -> Result<T>,
) -> Result<(T, Fates)> {
    let tap = lab.tap(&Machine::Client(1).nic())?;
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let stream = scope.spawn(|| lab.in_client(|| send(targets, &tap, &over)));
        let done = {
            let _over = SetWhenDropped(&over);
            work()
        };
        let rounds = stream.join().expect("the stream does not panic")??;
        Ok((done?, fates(lab, &rounds)))
    })
}

fn send(targets: &Targets, tap: &Tap, over: &AtomicBool) -> Result<Vec<Round>> {
    let mut rounds: Vec<Round> = Vec::new();
    let mut open = 0;
    let mut by_port = BTreeMap::new();
    let mut due = Instant::now();
    while open < rounds.len() || !over.load(Ordering::Relaxed) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        due += GAP;
        if !over.load(Ordering::Relaxed) {
            let round = Round::send(targets).map_err(|failed| lost_socket(&failed))?;
            by_port.insert(port(&round.through_address), rounds.len());
            rounds.push(round);
        }
        for (port, mac) in tap.heard(|frame| sent_to(frame, *targets.address.ip()))? {
            if let Some(number) = by_port.get(&port) {
                rounds[*number].pointed = Some(mac);
            }
        }
        rounds[open..].iter_mut().for_each(Round::collect);
        open += rounds[open..].iter().take_while(|round| round.is_over()).count();
    }
    Ok(rounds)
}

fn port(request: &Request) -> u16 {
    let own = request
        .socket
        .as_ref()
        .and_then(|socket| socket.local_addr().ok());
    own.map_or(0, |own| own.port())
}

impl Round {
    fn send(targets: &Targets) -> io::Result<Self> {
        let to_nodes = targets
            .nodes
            .iter()
            .map(|(node, at)| Ok((*node, Request::send(*at)?)));
        Ok(Self {
            at: Instant::now(),
            to_nodes: to_nodes.collect::<io::Result<_>>()?,
            through_address: Request::send(targets.address.into())?,
            pointed: None,
        })
    }

    fn collect(&mut self) {
        let gives_up = self.at.elapsed() > PATIENCE;
        self.through_address.collect(gives_up);
        self.to_nodes
            .values_mut()
            .for_each(|request| request.collect(gives_up));
    }

    fn is_over(&self) -> bool {
        let mut all = self.to_nodes.values().chain([&self.through_address]);
        all.all(|request| request.socket.is_none())
    }
}

fn fates(lab: &Lab, rounds: &[Round]) -> Fates {
    let mut fates = Fates {
        sent: rounds.len(),
        ..Fates::default()
    };
    for round in rounds.iter().filter(|round| !round.through_address.answered) {
        let node = round
            .pointed
            .and_then(|mac| lab.plan().nodes().find(|node| lab.node_mac(*node) == mac));
        let serves = |node: &u8| round.to_nodes.get(node).is_some_and(|request| request.answered);
        *if node.is_some_and(|node| serves(&node)) {
            &mut fates.lost_at_a_serving_node
        } else if round.to_nodes.keys().any(serves) {
            &mut fates.lost_at_the_wrong_node
        } else {
            &mut fates.lost_with_no_node
        } += 1;
    }
    fates
}

/// Own port and next hop of a datagram to this address.
fn sent_to(frame: &[u8], address: Ipv4Addr) -> Option<(u16, Mac)> {
    const IPV4: [u8; 2] = [8, 0];
    const UDP: u8 = 17;
    let head = frame.get(..36)?;
    let is_ours = head[12..14] == IPV4 && head[23] == UDP && head[30..34] == address.octets();
    let port = u16::from_be_bytes([head[34], head[35]]);
    is_ours.then(|| (port, Mac(head[..6].try_into().expect("six bytes"))))
}
