//! Why a Service does not work, the most important cause first.

use std::net::IpAddr;

use ferrolb_controller::alloc::Outcome;
use ferrolb_crds::api::Condition;
use ferrolb_crds::domain::{Addresses, Reason};
use ferrolb_crds::names::{ANNOUNCED, CONDITION_ANNOUNCED, CONDITION_ASSIGNED};
use itertools::Itertools;
use serde::Serialize;

use super::advice;
use super::case::Case;
use super::trouble::Trouble;
use crate::conditions::{self, NO_SESSION, STATUS_DISPUTED, TAKEN};
use crate::holding::Holder;
use crate::plan;
use crate::sessions::{Down, down, statuses};

/// A cause, and what to do about it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Cause {
    /// What it does to the Service.
    pub(crate) effect: Effect,
    /// In one word.
    pub(crate) reason: String,
    /// In a sentence.
    pub(crate) message: String,
    /// The addresses that it concerns; none if it concerns the Service as a whole.
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) advice: Vec<String>,
    /// Whether the daemons may just not have written all of it yet.
    #[serde(skip)]
    pub(crate) may_pass: bool,
}

/// What does not work.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, strum::Display)]
pub(crate) enum Effect {
    /// FerroLB does nothing for it.
    #[strum(to_string = "is not served")]
    NotServed,
    /// It has no address.
    #[strum(to_string = "has no address")]
    NoAddress,
    /// An address is not announced.
    #[strum(to_string = "is not announced")]
    NotAnnounced,
    /// It is announced, and something is wrong all the same.
    #[strum(to_string = "is announced, but may not be reached")]
    Doubtful,
}

impl Cause {
    pub(crate) fn trouble(effect: Effect, trouble: &Trouble) -> Self {
        Self {
            may_pass: trouble.may_pass(),
            ..Self::new(effect, trouble.word(), trouble.to_string())
        }
    }

    pub(crate) fn reason(effect: Effect, reason: &Reason) -> Self {
        Self {
            advice: advice::of(reason),
            ..Self::new(effect, reason.word(), reason.to_string())
        }
    }

    fn condition(effect: Effect, condition: &Condition) -> Self {
        let mut cause = Self::new(effect, &condition.reason, condition.message.clone());
        if cause.advice.is_empty() {
            cause.advice.push(advice::OF_CONDITION.to_owned());
        }
        cause
    }

    fn at(self, address: IpAddr) -> Self {
        Self {
            addresses: vec![address],
            ..self
        }
    }

    fn new(effect: Effect, reason: &str, message: String) -> Self {
        Self {
            effect,
            reason: reason.to_owned(),
            message,
            addresses: Vec::new(),
            advice: advice::of_word(reason).map(str::to_owned).into_iter().collect(),
            may_pass: false,
        }
    }
}

/// All causes.
pub(crate) fn causes(case: &Case<'_>) -> Vec<Cause> {
    if let Some(not_ours) = not_ours(case) {
        return vec![not_ours];
    }
    let mut causes = Vec::new();
    match disputed(case) {
        Some(disputed) => causes.push(disputed),
        None => causes.extend(assigning(case)),
    }
    for address in case.addresses() {
        causes.extend(
            announcing(case, address)
                .into_iter()
                .map(|cause| with_sessions(case, cause).at(address)),
        );
    }
    each_once(causes)
}

/// Where no session is up, the advice is what each needs, by what its speaker or its router says.
fn with_sessions(case: &Case<'_>, cause: Cause) -> Cause {
    if cause.reason != NO_SESSION {
        return cause;
    }
    let objects = &case.evidence.objects;
    let concerned = statuses(&objects.sessions).filter(|one| cause.message.contains(&one.bgp_peer));
    let line = |down: Down<'_>| {
        let (name, remedy) = (down.peer.0, down.remedy(&objects.bgp.peers));
        format!("BGPPeer {name}: {}. {remedy}", down.sentence())
    };
    let lines: Vec<String> = down(concerned).into_iter().map(line).collect();
    match lines.is_empty() {
        true => cause,
        false => Cause {
            advice: lines,
            ..cause
        },
    }
}

/// Causes that are the same for several addresses are one.
fn each_once(causes: Vec<Cause>) -> Vec<Cause> {
    let mut once: Vec<Cause> = Vec::new();
    for cause in causes {
        let is_same = |one: &&mut Cause| (&one.reason, &one.message) == (&cause.reason, &cause.message);
        match once.iter_mut().find(is_same) {
            Some(known) => known.addresses.extend(cause.addresses),
            None => once.push(cause),
        }
    }
    once
}

fn not_ours(case: &Case<'_>) -> Option<Cause> {
    let ours = case.class();
    (!case.view.class.is_ours(ours)).then(|| {
        let why = plan::Reason::not_ours(&case.view.class, ours);
        Cause {
            advice: advice::of_class(&case.view.class, ours),
            ..Cause::new(Effect::NotServed, &why.reason, why.message)
        }
    })
}

fn disputed(case: &Case<'_>) -> Option<Cause> {
    let condition = case.condition(CONDITION_ASSIGNED)?;
    (condition.reason == STATUS_DISPUTED).then(|| Cause::condition(Effect::NoAddress, condition))
}

/// Why it has no address, or not that which it should have.
fn assigning(case: &Case<'_>) -> Vec<Cause> {
    let written = case
        .condition(CONDITION_ASSIGNED)
        .filter(|one| one.status == "False");
    match case.outcome() {
        Some(Outcome::Refused(why)) => {
            let refused = Cause::reason(Effect::NoAddress, why);
            let is_said = written.is_some_and(|condition| condition.reason == why.word());
            let leaderless = case.leaderless().filter(|_| !is_said);
            [refused].into_iter().chain(leaderless).collect()
        }
        Some(Outcome::Assigned(assignment)) => {
            let missing = missing(case, assignment.addresses);
            let unwritten = || Cause::trouble(effect_of(case), &Trouble::NotWritten(missing));
            let late = !missing.is_empty() && case.is_live();
            late.then(|| case.leaderless().unwrap_or_else(unwritten))
                .into_iter()
                .collect()
        }
        Some(Outcome::NotOurs) | None => {
            let refused = written.map(|condition| Cause::condition(Effect::NoAddress, condition));
            refused.into_iter().collect()
        }
    }
}

fn missing(case: &Case<'_>, decided: Addresses) -> Addresses {
    let mut missing = Addresses::default();
    let new = decided
        .iter()
        .filter(|address| !case.view.ingress.contains(*address));
    new.for_each(|address| missing.set(address));
    missing
}

fn effect_of(case: &Case<'_>) -> Effect {
    match case.view.ingress.is_empty() {
        true => Effect::NoAddress,
        false => Effect::Doubtful,
    }
}

/// Why an address is not announced, or may not be.
fn announcing(case: &Case<'_>, address: IpAddr) -> Vec<Cause> {
    let condition = case.condition(CONDITION_ANNOUNCED);
    let refused = condition.filter(|one| one.status == "False");
    match (case.why_not(address), refused) {
        // What BGP does, only the speakers know here.
        (Some(why), _) if why.is_of_layer2_alone() && condition.is_some_and(conditions::tells_of_bgp) => {
            let refused = refused.map(|one| Cause::condition(Effect::NotAnnounced, one));
            refused.into_iter().collect()
        }
        // The speakers know better why none of them is heard.
        (Some(why), Some(condition)) if says_not_alive(why) && condition.reason != why.word() => {
            vec![Cause::condition(Effect::NotAnnounced, condition)]
        }
        (Some(why), _) => {
            let is_said = condition.is_some_and(|one| one.status == "True");
            let effect = if is_said {
                Effect::Doubtful
            } else {
                Effect::NotAnnounced
            };
            vec![Cause::reason(effect, why)]
        }
        (None, _) if !case.is_live() => Vec::new(),
        (None, Some(said)) if conditions::is_announced_all_the_same(said) => held(case, condition, address),
        (None, Some(said)) if said.reason == TAKEN && !case.view.taken.contains(address) => Vec::new(),
        // It speaks of the Service's other address.
        (None, Some(condition)) if case.is_judged(&condition.reason) => Vec::new(),
        (None, Some(condition)) => vec![Cause::condition(Effect::NotAnnounced, condition)],
        (None, None) => held(case, condition, address),
    }
}

fn says_not_alive(why: &Reason) -> bool {
    matches!(why, Reason::NoEligibleNode(nodes) if nodes.values().any(|one| *one == Reason::NotAlive))
}

/// What is wrong with the announcement of an address that nothing speaks against.
fn held(case: &Case<'_>, condition: Option<&Condition>, address: IpAddr) -> Vec<Cause> {
    let holders = case.holders(address);
    let contradiction = match condition {
        None if holders.is_empty() => {
            let trouble = Trouble::NotHeld(case.eligible(address));
            return vec![Cause::trouble(Effect::NotAnnounced, &trouble)];
        }
        // Whom BGP alone tells of it, nobody holds it.
        Some(condition) if holders.is_empty() && conditions::tells_of_bgp(condition) => None,
        Some(condition) if condition.reason != ANNOUNCED => {
            Some(Cause::condition(Effect::Doubtful, condition))
        }
        condition => contradiction(condition, &holders),
    };
    let troubles = holders.iter().filter_map(|holder| of_holder(case, holder));
    contradiction
        .into_iter()
        .chain(troubles.map(|trouble| Cause::trouble(Effect::Doubtful, &trouble)))
        .collect()
}

/// The condition has to name a node that says of itself that it announces the Service.
fn contradiction(condition: Option<&Condition>, holders: &[Holder]) -> Option<Cause> {
    let message = condition.map_or("nothing", |condition| &condition.message);
    let is_named = |holder: &Holder| {
        let mut words = message.split([' ', ',', ';']).tuple_windows();
        words.any(|(kind, name)| kind == "node" && name == holder.node.as_str())
    };
    (!holders.iter().any(is_named)).then(|| {
        let trouble = Trouble::SaysOtherwise {
            condition: message.to_owned(),
            holders: holders.iter().map(|holder| holder.node.clone()).collect(),
        };
        Cause::trouble(Effect::Doubtful, &trouble)
    })
}

fn of_holder(case: &Case<'_>, holder: &Holder) -> Option<Trouble> {
    let node = &holder.node;
    let state = case.speaker(node).map(|speaker| speaker.state.clone());
    let state = state.filter(|_| !case.is_ready(node));
    state.map(|state| Trouble::SpeakerNotReady {
        node: node.clone(),
        state,
    })
}
