//! One state of the world: what each node knows and says, and what is under way.

use super::rules::{Entry, Hold, Setting};

/// What a node says of both addresses.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Set {
    pub(super) entries: [Entry; 2],
    pub(super) version: u8,
    pub(super) joined: bool,
    boot: u8,
}

/// What a node knows of another.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Peer {
    pub(super) up: bool,
    pub(super) set: Set,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Node {
    pub(super) id: usize,
    runs: bool,
    pub(super) joined: bool,
    /// It knows the change of the cluster.
    pub(super) learned: bool,
    pub(super) set: Set,
    /// The set is another one than that which was said last.
    pub(super) changed: bool,
    pub(super) epochs: [u8; 2],
    pub(super) refused: [[bool; 3]; 2],
    pub(super) peers: [Option<Peer>; 3],
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct World {
    nodes: [Node; 3],
    /// By sender and receiver, the older first.
    wire: [[Vec<Set>; 3]; 3],
    cut: Option<usize>,
    crashes: u8,
    restarts: u8,
    cuts: u8,
    losses: u8,
    /// Addresses that had a holder and now have none.
    gap: bool,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Action {
    Deliver(usize, usize),
    Lose(usize, usize),
    SendAgain(usize, usize),
    Miss(usize, usize),
    Claim(usize, usize),
    Back(usize),
    Join(usize),
    Learn(usize),
    Reconsider(usize),
    Crash(usize),
    Restart(usize),
    Cut(usize),
    Heal,
}

const PAIRS: [(usize, usize); 6] = [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)];

impl World {
    /// The first node holds everything, and all know.
    pub(super) fn running(setting: &Setting) -> Self {
        let hold = Entry::Hold(Hold {
            epoch: 1,
            backed: true,
            heir: None,
        });
        let mut first = Set {
            joined: true,
            ..Set::default()
        };
        first.entries[..setting.addresses].fill(hold);
        first.version = 1;
        let idle = Set {
            joined: true,
            ..Set::default()
        };
        let sets = [first, idle, idle];
        let node = |id: usize| Node {
            id,
            runs: true,
            joined: true,
            learned: false,
            set: sets[id],
            changed: false,
            epochs: [1; 2],
            refused: [[false; 3]; 2],
            peers: std::array::from_fn(|who| {
                (who != id).then_some(Peer {
                    up: true,
                    set: sets[who],
                })
            }),
        };
        let mut world = Self {
            nodes: std::array::from_fn(node),
            wire: Default::default(),
            cut: None,
            crashes: setting.faults.crashes,
            restarts: setting.faults.restarts,
            cuts: setting.faults.cuts,
            losses: setting.faults.losses,
            gap: false,
        };
        (0..3).for_each(|node| world.consider(setting, node));
        world
    }

    fn is_cut(&self, one: usize, other: usize) -> bool {
        self.cut == Some(one) || self.cut == Some(other)
    }

    fn knows(&self, from: usize, to: usize) -> bool {
        self.nodes[to].peers[from]
            == Some(Peer {
                up: true,
                set: self.nodes[from].set,
            })
    }

    /// What may happen now.
    pub(super) fn actions(&self, setting: &Setting) -> Vec<Action> {
        let mut all = self.decisions(setting);
        for (from, to) in PAIRS {
            let under_way = !self.wire[from][to].is_empty();
            if under_way && self.losses > 0 {
                all.push(Action::Lose(from, to));
            }
        }
        all.extend(
            (0..3)
                .filter(|node| !self.nodes[*node].learned)
                .map(Action::Learn),
        );
        let runs = |node: &usize| self.nodes[*node].runs;
        if self.crashes > 0 {
            all.extend((0..3).filter(runs).map(Action::Crash));
        }
        if self.restarts > 0 {
            all.extend((0..3).filter(|node| !runs(node)).map(Action::Restart));
        }
        match self.cut {
            None if self.cuts > 0 => all.extend((0..3).map(Action::Cut)),
            None => {}
            Some(_) => all.push(Action::Heal),
        }
        all
    }

    /// What happens without a fault or anything new.
    fn decisions(&self, setting: &Setting) -> Vec<Action> {
        let mut all = Vec::new();
        for (from, to) in PAIRS {
            let (sender, reader) = (&self.nodes[from], &self.nodes[to]);
            let joined = sender.runs && reader.runs && !self.is_cut(from, to);
            match self.wire[from][to].is_empty() {
                false => all.push(Action::Deliver(from, to)),
                true if joined && !self.knows(from, to) => all.push(Action::SendAgain(from, to)),
                true => {}
            }
            let up = reader.runs && reader.peers[from].is_some_and(|peer| peer.up);
            if up && (!sender.runs || self.is_cut(from, to)) {
                all.push(Action::Miss(from, to));
            }
        }
        for (id, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.runs) {
            let claims = (0..setting.addresses).filter(|address| node.may_claim(setting, *address));
            all.extend(claims.map(|address| Action::Claim(id, address)));
            if !node.joined && self.has_heard_all(id) {
                all.push(Action::Join(id));
            }
            let weak = (0..2).any(|address| node.own_hold(address).is_some_and(|hold| !hold.backed));
            if weak && node.has_majority() {
                all.push(Action::Back(id));
            }
            let all_learned = self.nodes.iter().all(|node| node.learned);
            if all_learned && node.refused.iter().flatten().any(|refused| *refused) {
                all.push(Action::Reconsider(id));
            }
        }
        all
    }

    fn has_heard_all(&self, node: usize) -> bool {
        let heard = |from: usize| !self.nodes[from].runs || self.is_cut(from, node) || self.knows(from, node);
        (0..3).filter(|from| *from != node).all(heard)
    }

    pub(super) fn follow(&mut self, setting: &Setting, action: Action) {
        let held = |world: &Self| std::array::from_fn::<bool, 2, _>(|address| world.holders(address) > 0);
        let before = held(self);
        match action {
            Action::Deliver(from, to) => self.deliver(setting, from, to),
            Action::Lose(from, to) => {
                self.wire[from][to].remove(0);
                self.losses -= 1;
            }
            Action::SendAgain(from, to) => self.wire[from][to].push(self.nodes[from].set),
            Action::Miss(from, to) => {
                self.nodes[to].peers[from]
                    .iter_mut()
                    .for_each(|peer| peer.up = false);
                self.consider(setting, to);
            }
            Action::Claim(node, address) => {
                self.nodes[node].claim(address, false);
                self.consider(setting, node);
            }
            Action::Back(node) => {
                self.nodes[node].set_backed(true);
                self.consider(setting, node);
            }
            Action::Join(node) => {
                self.nodes[node].joined = true;
                self.nodes[node].set.joined = true;
                self.nodes[node].changed = true;
                self.consider(setting, node);
            }
            Action::Learn(node) => {
                self.nodes[node].learned = true;
                self.consider(setting, node);
            }
            Action::Reconsider(node) => {
                self.nodes[node].refused = [[false; 3]; 2];
                self.consider(setting, node);
            }
            Action::Crash(node) => {
                self.crashes -= 1;
                self.nodes[node].runs = false;
                self.silence(node);
            }
            Action::Restart(node) => self.restart(node),
            Action::Cut(node) => {
                self.cuts -= 1;
                self.cut = Some(node);
                self.silence(node);
            }
            Action::Heal => self.cut = None,
        }
        let after = held(self);
        self.gap |= (0..2).any(|address| before[address] && !after[address]);
    }

    fn silence(&mut self, node: usize) {
        for other in 0..3 {
            self.wire[node][other].clear();
            self.wire[other][node].clear();
        }
    }

    fn restart(&mut self, id: usize) {
        self.restarts -= 1;
        let boot = self.nodes[id].set.boot + 1;
        let learned = self.nodes[id].learned;
        self.nodes[id] = Node {
            id,
            runs: true,
            joined: false,
            learned,
            set: Set {
                boot,
                ..Set::default()
            },
            changed: false,
            epochs: [0; 2],
            refused: [[false; 3]; 2],
            peers: [None; 3],
        };
    }

    fn deliver(&mut self, setting: &Setting, from: usize, to: usize) {
        let set = self.wire[from][to].remove(0);
        let node = &mut self.nodes[to];
        node.peers[from] = Some(Peer { up: true, set });
        for address in 0..2 {
            let seen = match set.entries[address] {
                Entry::Hold(hold) => hold.epoch,
                Entry::Released { epoch, .. } | Entry::Declined { epoch } => epoch,
                Entry::None => 0,
            };
            node.epochs[address] = node.epochs[address].max(seen);
        }
        self.consider(setting, to);
    }

    fn consider(&mut self, setting: &Setting, id: usize) {
        self.nodes[id].consider(setting);
        if !std::mem::take(&mut self.nodes[id].changed) {
            return;
        }
        self.nodes[id].set.version += 1;
        let set = self.nodes[id].set;
        for to in (0..3).filter(|to| *to != id) {
            if !self.is_cut(id, to) && self.nodes[to].runs {
                let wire = &mut self.wire[id][to];
                wire.push(set);
                if wire.len() > 2 {
                    wire.remove(0);
                }
            }
        }
    }

    fn holders(&self, address: usize) -> usize {
        let nodes = self.nodes.iter().filter(|node| node.runs);
        nodes.filter(|node| node.own_hold(address).is_some()).count()
    }

    /// Nothing is to come but faults.
    pub(super) fn is_at_rest(&self, setting: &Setting) -> bool {
        let learned = self.nodes.iter().all(|node| node.learned);
        self.cut.is_none() && learned && self.decisions(setting).is_empty()
    }

    pub(super) fn is_settled(&self, setting: &Setting) -> bool {
        let suits = |node: &Node, address| node.runs && setting.fit(node, node.id, address).is_some();
        (0..setting.addresses).all(|address| {
            let wanted = self.nodes.iter().any(|node| suits(node, address));
            self.holders(address) == usize::from(wanted)
        })
    }

    pub(super) fn has_no_gap(&self) -> bool {
        !self.gap
    }

    pub(super) fn highest_epoch(&self) -> u8 {
        self.nodes
            .iter()
            .flat_map(|node| node.epochs)
            .max()
            .unwrap_or_default()
    }
}
