//! Which frames count: each once, in order, and not more of them than there is time to look at.

mod rate;
mod recent;
mod sequences;
#[cfg(test)]
mod tests;

pub use rate::{Limits, Rate, RateLimit};
pub use sequences::{BOOTS, INTERFACES, NODES, Replayed, Sequences};
