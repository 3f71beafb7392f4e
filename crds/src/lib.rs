//! The vocabulary of FerroLB.
//!
//! [`api`] holds the resource types as they stand on the wire (API group `metallb.io`, field for field
//! as MetalLB has them). [`domain`] holds what the two daemons think in: values there are valid, and the
//! only way in is a parser that says what is wrong with which field. [`names`] lists every annotation,
//! label, field manager and event name once.
//!
//! This crate has no client, no runtime and no clock.

pub mod api;
pub mod domain;
pub mod names;
