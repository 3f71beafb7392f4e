//! Who is alive on a segment, and who holds which address there: the speakers' protocol (`docs/protocol.md`).
//!
//! Nothing here does I/O, reads a clock or draws a random number: frames, ticks and the view come in as arguments,
//! effects go out as values.

pub mod codec;
pub mod digest;
pub mod message;
pub mod moment;
pub mod replay;
pub mod seal;
