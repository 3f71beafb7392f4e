//! NOTIFICATION: why a session ends, in numbers and in words (RFC 4271 section 4.5; IANA's registry).

use std::fmt;

use super::frame::{Kind, framed};

/// An error code and its subcode.
type Reason = (u8, u8);

/// Errors of the header.
#[allow(missing_docs, reason = "the words are in the table below")]
pub mod header_error {
    pub const NOT_SYNCHRONIZED: (u8, u8) = (1, 1);
    pub const BAD_LENGTH: (u8, u8) = (1, 2);
    pub const BAD_TYPE: (u8, u8) = (1, 3);
}

/// Errors of an OPEN.
#[allow(missing_docs, reason = "the words are in the table below")]
pub mod open_error {
    pub const MALFORMED: (u8, u8) = (2, 0);
    pub const VERSION: (u8, u8) = (2, 1);
    pub const BAD_PEER_AS: (u8, u8) = (2, 2);
    pub const BAD_IDENTIFIER: (u8, u8) = (2, 3);
    pub const PARAMETER: (u8, u8) = (2, 4);
    pub const HOLD_TIME: (u8, u8) = (2, 6);
    pub const CAPABILITY: (u8, u8) = (2, 7);
}

/// Errors of an UPDATE that end the session in spite of RFC 7606.
#[allow(missing_docs, reason = "the words are in the table below")]
pub mod update_error {
    pub const MALFORMED_ATTRIBUTES: (u8, u8) = (3, 1);
}

/// Errors of the state machine (RFC 6608), and the timers.
#[allow(missing_docs, reason = "the words are in the table below")]
pub mod fsm {
    pub const HOLD_EXPIRED: (u8, u8) = (4, 0);
    pub const IN_OPEN_SENT: (u8, u8) = (5, 1);
    pub const IN_OPEN_CONFIRM: (u8, u8) = (5, 2);
    pub const IN_ESTABLISHED: (u8, u8) = (5, 3);
    pub const SEND_HOLD_EXPIRED: (u8, u8) = (8, 0);
}

/// Ends without an error (RFC 4486, 9384).
#[allow(missing_docs, reason = "the words are in the table below")]
pub mod cease {
    pub const MAXIMUM_PREFIXES: (u8, u8) = (6, 1);
    pub const SHUTDOWN: (u8, u8) = (6, 2);
    pub const DECONFIGURED: (u8, u8) = (6, 3);
    pub const RESET: (u8, u8) = (6, 4);
    pub const CONFIGURATION: (u8, u8) = (6, 6);
    pub const HARD_RESET: (u8, u8) = (6, 9);
    pub const BFD_DOWN: (u8, u8) = (6, 10);
}

/// Errors of a ROUTE-REFRESH (RFC 7313).
pub(super) mod refresh_error {
    pub(crate) const BAD_LENGTH: (u8, u8) = (7, 1);
}

const CODES: [(u8, &str); 8] = [
    (1, "message header error"),
    (2, "OPEN message error"),
    (3, "UPDATE message error"),
    (4, "hold timer expired"),
    (5, "finite state machine error"),
    (6, "cease"),
    (7, "ROUTE-REFRESH message error"),
    (8, "send hold timer expired"),
];

const SUBCODES: [(Reason, &str); 37] = [
    ((1, 1), "connection not synchronized"),
    ((1, 2), "bad message length"),
    ((1, 3), "bad message type"),
    ((2, 1), "unsupported version number"),
    ((2, 2), "bad peer AS"),
    ((2, 3), "bad BGP identifier"),
    ((2, 4), "unsupported optional parameter"),
    ((2, 5), "authentication failure"),
    ((2, 6), "unacceptable hold time"),
    ((2, 7), "unsupported capability"),
    ((2, 11), "role mismatch"),
    ((3, 1), "malformed attribute list"),
    ((3, 2), "unrecognized well-known attribute"),
    ((3, 3), "missing well-known attribute"),
    ((3, 4), "attribute flags error"),
    ((3, 5), "attribute length error"),
    ((3, 6), "invalid ORIGIN attribute"),
    ((3, 7), "AS routing loop"),
    ((3, 8), "invalid NEXT_HOP attribute"),
    ((3, 9), "optional attribute error"),
    ((3, 10), "invalid network field"),
    ((3, 11), "malformed AS_PATH"),
    ((5, 1), "unexpected message in OpenSent"),
    ((5, 2), "unexpected message in OpenConfirm"),
    ((5, 3), "unexpected message in Established"),
    ((6, 1), "maximum number of prefixes reached"),
    ((6, 2), "administrative shutdown"),
    ((6, 3), "peer de-configured"),
    ((6, 4), "administrative reset"),
    ((6, 5), "connection rejected"),
    ((6, 6), "other configuration change"),
    ((6, 7), "connection collision resolution"),
    ((6, 8), "out of resources"),
    ((6, 9), "hard reset"),
    ((6, 10), "BFD down"),
    ((7, 1), "invalid message length"),
    ((7, 0), "invalid message"),
];

/// The longest text that a peer must be able to read (RFC 9003).
const TEXT_MAX: usize = 255;

/// Why a session ends.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Notification {
    /// The error code.
    pub code: u8,
    /// The subcode.
    pub subcode: u8,
    /// More, by code and subcode.
    pub data: Vec<u8>,
}

impl Notification {
    /// One without data.
    pub const fn new((code, subcode): Reason) -> Self {
        Self {
            code,
            subcode,
            data: Vec::new(),
        }
    }

    /// One with data.
    pub const fn with((code, subcode): Reason, data: Vec<u8>) -> Self {
        Self { code, subcode, data }
    }

    /// CEASE for an administrative shutdown or reset, with a text for the peer's administrator (RFC 9003), which is cut
    /// between two letters after 255 bytes.
    pub fn with_text(reason: Reason, text: &str) -> Self {
        let text = &text[..text.floor_char_boundary(TEXT_MAX)];
        let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
        let data = [&[length], text.as_bytes()].concat();
        Self::with(reason, if text.is_empty() { Vec::new() } else { data })
    }

    /// Reads a body. It has two bytes at least, as [`split`](super::split) sees to; without them it is an error of the
    /// state machine's peer that cannot be told, and reads as code 0.
    pub fn parse(body: &[u8]) -> Self {
        match body {
            [code, subcode, data @ ..] => Self::with((*code, *subcode), data.to_vec()),
            _ => Self::new((0, 0)),
        }
    }

    /// Appends the message. Data that does not fit into 4,096 bytes is cut.
    pub fn emit(&self, out: &mut Vec<u8>) {
        const ROOM: usize = super::MESSAGE_MAX - super::HEADER - 2;
        framed(out, Kind::Notification, |out| {
            out.extend_from_slice(&[self.code, self.subcode]);
            out.extend_from_slice(&self.data[..self.data.len().min(ROOM)]);
        });
    }

    /// Code and subcode.
    pub const fn reason(&self) -> Reason {
        (self.code, self.subcode)
    }

    /// What the peer's administrator wrote (RFC 9003), without control characters. What is not UTF-8 is shown as it can be.
    pub fn text(&self) -> Option<String> {
        let (cease::SHUTDOWN | cease::RESET) = self.reason() else {
            return None;
        };
        let (length, rest) = self.data.split_first()?;
        let text = rest.get(..usize::from(*length))?;
        let text = String::from_utf8_lossy(text).replace(char::is_control, " ");
        Some(text).filter(|text| !text.trim().is_empty())
    }

    /// What a Hard Reset is for (RFC 8538): the NOTIFICATION in its data.
    pub fn inner(&self) -> Option<Self> {
        let is_hard = self.reason() == cease::HARD_RESET && self.data.len() >= 2;
        let inner = is_hard.then(|| Self::parse(&self.data))?;
        // Nobody nests them, and nobody may make us follow it.
        (inner.reason() != cease::HARD_RESET).then_some(inner)
    }

    /// The words for code and subcode; numbers for those that no RFC has.
    fn words(&self) -> String {
        let code = CODES.iter().find(|(code, _)| *code == self.code);
        let code = code.map_or_else(
            || format!("error {}", self.code),
            |(_, words)| (*words).to_owned(),
        );
        let subcode = SUBCODES.iter().find(|(reason, _)| *reason == self.reason());
        match (subcode, self.subcode) {
            (Some((_, words)), _) => format!("{code}: {words}"),
            (None, 0) => code,
            (None, subcode) => format!("{code}: subcode {subcode}"),
        }
    }
}

impl fmt::Display for Notification {
    /// `cease: administrative shutdown (6/2), "text"`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({}/{})", self.words(), self.code, self.subcode)?;
        if let Some(inner) = self.inner() {
            write!(formatter, " for {inner}")?;
        }
        match self.text() {
            Some(text) => write!(formatter, ", {text:?}"),
            None => Ok(()),
        }
    }
}
