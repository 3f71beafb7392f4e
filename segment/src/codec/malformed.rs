//! What can be wrong with the bytes of a message.

use std::net::IpAddr;

use thiserror::Error;

use crate::mac::Mac;

/// Why bytes are no message, or a message must not be sent.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Malformed {
    /// The bytes end within a field.
    #[error("ends too early")]
    Short,
    /// There are bytes after the end.
    #[error("{0} bytes too many")]
    Trailing(usize),
    /// It does not fit into a frame.
    #[error("{0} bytes, which no frame has room for")]
    Long(usize),
    /// No such kind of message.
    #[error("unknown kind {0}")]
    Kind(u8),
    /// A beacon whose sender does not speak this version.
    #[error("its sender speaks versions {min} to {max}")]
    Versions {
        /// The oldest version it speaks.
        min: u8,
        /// The newest.
        max: u8,
    },
    /// No such state.
    #[error("unknown state {0}")]
    State(u8),
    /// Flags that mean nothing.
    #[error("unknown flags in {0:#04x}")]
    Flags(u8),
    /// No such family of addresses.
    #[error("unknown address family {0}")]
    Family(u8),
    /// No such entry.
    #[error("unknown entry {0}")]
    Entry(u8),
    /// No such thing to ask for.
    #[error("unknown request {0}")]
    Request(u8),
    /// No such state of an address on the wire.
    #[error("unknown state {0} on the wire")]
    Wire(u8),
    /// A group of stations, or none, where one is to be named.
    #[error("{0} is no station")]
    Station(Mac),
    /// No findings, or more than a message may have.
    #[error("{0} findings")]
    Findings(usize),
    /// Sequences count from 1.
    #[error("sequence 0")]
    Sequence,
    /// Boot 0 stands for none.
    #[error("boot 0")]
    Boot,
    /// An interval of 0, or of more than 65,535 ms.
    #[error("an interval that cannot be")]
    Interval,
    /// A multiplier of 0.
    #[error("multiplier 0")]
    Multiplier,
    /// A part that is not one of as many.
    #[error("part {index} of {of}")]
    Part {
        /// From 0.
        index: u8,
        /// How many there are said to be.
        of: u8,
    },
    /// A hold-down of 0, or longer than any.
    #[error("a hold-down that cannot be")]
    HoldDown,
    /// No such bucket.
    #[error("bucket {0}")]
    Bucket(u8),
    /// Not as many buckets as there are.
    #[error("{0} buckets")]
    Buckets(usize),
    /// Something comes twice, or after what is greater.
    #[error("out of order")]
    Order,
    /// An address in a bucket where it does not belong.
    #[error("{0} belongs into another bucket")]
    Misplaced(IpAddr),
}
