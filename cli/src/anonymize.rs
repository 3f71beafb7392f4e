//! Replaces names, addresses and MACs in texts: the same by the same, different ones by different ones.
//!
//! ```text
//! objects ──▶ Originals (names) ─┐
//! texts ───▶ addresses, MACs ────┴─▶ Anonymizer ──▶ texts
//! ```
//! Names are those of objects that were read, and what texts mention as one; addresses and MACs are recognised by their form,
//! wherever they are. Pure: the key that decides what an address becomes is an argument.

mod addresses;
mod mentions;
mod names;
mod originals;
mod recognize;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::Serialize;
use serde_json::{Map, Value};
use thiserror::Error;

use addresses::{Addresses, Network};
use names::Names;
pub(crate) use originals::Originals;
use recognize::{Mac, Recognized};

/// Words of the forms in which objects are written. As a key they say nothing, whatever else is named like them.
const KEYS: [&str; 26] = [
    "address",
    "addresses",
    "annotations",
    "conditions",
    "endpoints",
    "events",
    "history",
    "ingress",
    "interface",
    "interfaces",
    "items",
    "labels",
    "metadata",
    "name",
    "namespace",
    "node",
    "nodes",
    "pod",
    "pools",
    "ports",
    "selector",
    "service",
    "services",
    "spec",
    "status",
    "type",
];

/// No key was found with which nothing of the original is left. With addresses that are not made up for it, this does not
/// happen.
#[derive(Debug, Error)]
#[error("the addresses cannot be replaced by others: there are too many different ones")]
pub(crate) struct TooMany;

/// Replaces.
pub(crate) struct Anonymizer {
    names: Names,
    addresses: Addresses,
    macs: BTreeMap<Mac, Mac>,
    seen: Seen,
}

/// What was recognised in texts.
#[derive(Default)]
struct Seen {
    addresses: BTreeSet<IpAddr>,
    networks: BTreeSet<Network>,
    macs: BTreeSet<Mac>,
}

/// What became what.
#[derive(Debug, Serialize)]
pub(crate) struct Mapping {
    names: BTreeMap<String, String>,
    addresses: BTreeMap<IpAddr, IpAddr>,
    networks: BTreeMap<String, String>,
    macs: BTreeMap<String, String>,
}

impl Anonymizer {
    /// For these texts, which are all that are to be anonymized, with the names of these objects.
    ///
    /// # Errors
    /// There are more addresses than others that could take their place.
    pub(crate) fn of<'a>(
        originals: &Originals,
        texts: impl IntoIterator<Item = &'a str>,
        key: &[u8; 32],
    ) -> Result<Self, TooMany> {
        let names = Names::of(originals.names());
        let mut seen = Seen::default();
        for text in texts {
            for piece in Pieces::of(text, &names) {
                seen.note(&piece);
            }
        }
        let addresses =
            Addresses::of(&seen.addresses, &seen.networks, originals.pools(), key).ok_or(TooMany)?;
        Ok(Self {
            macs: successors(&seen.macs),
            names,
            addresses,
            seen,
        })
    }

    /// The text with everything replaced.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for piece in Pieces::of(text, &self.names) {
            match piece {
                Piece::Plain(plain) => out.push_str(plain),
                Piece::Name(replacement) => out.push_str(replacement),
                Piece::Recognized(original, what) => out.push_str(&self.replacement(original, what)),
            }
        }
        out
    }

    /// The same for a value: its strings and its keys.
    pub(crate) fn json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.json(item)).collect(),
            Value::Object(fields) => {
                let field = |(key, value): (&String, &Value)| {
                    let key = match KEYS.contains(&key.as_str()) {
                        true => key.clone(),
                        false => self.text(key),
                    };
                    (key, self.json(value))
                };
                Value::Object(fields.iter().map(field).collect::<Map<_, _>>())
            }
            other => other.clone(),
        }
    }

    /// What became what, for the one whose cluster it is.
    pub(crate) fn mapping(&self) -> Mapping {
        let network = |one: &Network| (one.to_string(), self.addresses.network(*one).to_string());
        let mac = |(from, to): (&Mac, &Mac)| (from.to_string(), to.to_string());
        Mapping {
            names: self.names.replacements(),
            addresses: self
                .seen
                .addresses
                .iter()
                .map(|one| (*one, self.addresses.address(*one)))
                .collect(),
            networks: self.seen.networks.iter().map(network).collect(),
            macs: self.macs.iter().map(mac).collect(),
        }
    }

    fn replacement(&self, original: &str, what: Recognized) -> String {
        match what {
            Recognized::Address { address, dashed } => {
                let text = self.addresses.address(address).to_string();
                if dashed { text.replace('.', "-") } else { text }
            }
            Recognized::Network(network) => self.addresses.network(network).to_string(),
            Recognized::Mac { mac, form } => match self.macs.get(&mac) {
                Some(other) => form.write(*other),
                None => original.to_owned(),
            },
        }
    }
}

impl Seen {
    fn note(&mut self, piece: &Piece<'_>) {
        let Piece::Recognized(_, what) = piece else { return };
        match what {
            Recognized::Address { address, .. } => {
                self.addresses.insert(*address);
            }
            Recognized::Network(network) => {
                self.networks.insert(*network);
            }
            // Twelve digits without anything between them may be something else.
            Recognized::Mac { mac, form } if form.is_sure() && !mac.is_of_nobody() => {
                self.macs.insert(*mac);
            }
            Recognized::Mac { .. } => {}
        }
    }
}

/// Locally administered ones, in the order of the originals; none is one of them.
fn successors(macs: &BTreeSet<Mac>) -> BTreeMap<Mac, Mac> {
    let fresh = (1..).map(Mac::made_up).filter(|mac| !macs.contains(mac));
    macs.iter().copied().zip(fresh).collect()
}

/// A part of a text.
enum Piece<'a> {
    Plain(&'a str),
    /// A name, by its replacement.
    Name(&'a str),
    Recognized(&'a str, Recognized),
}

/// The parts of a text. What is longer wins where a name and an address begin at one place: names contain addresses, and
/// addresses words.
struct Pieces<'a> {
    text: &'a str,
    names: &'a Names,
    at: usize,
}

impl<'a> Pieces<'a> {
    fn of(text: &'a str, names: &'a Names) -> Self {
        Self { text, names, at: 0 }
    }

    /// The name, address or MAC that begins here, with its end.
    fn special(&self, at: usize) -> Option<(usize, Piece<'a>)> {
        let name = self.names.at(self.text, at);
        let recognized = recognize::at(self.text.as_bytes(), at);
        match (name, recognized) {
            (Some((end, replacement)), recognized)
                if recognized.as_ref().is_none_or(|(other, _)| *other <= end) =>
            {
                Some((end, Piece::Name(replacement)))
            }
            (_, Some((end, what))) => Some((end, Piece::Recognized(&self.text[at..end], what))),
            (Some((end, replacement)), None) => Some((end, Piece::Name(replacement))),
            (None, None) => None,
        }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let begin = self.at;
        let bytes = self.text.as_bytes();
        let mut at = begin;
        while at < bytes.len() {
            if bytes[at].is_ascii()
                && let Some((end, piece)) = self.special(at)
            {
                if at > begin {
                    self.at = at;
                    return Some(Piece::Plain(&self.text[begin..at]));
                }
                self.at = end;
                return Some(piece);
            }
            at += 1;
        }
        self.at = at;
        (at > begin).then(|| Piece::Plain(&self.text[begin..at]))
    }
}
