//! What a body is, as the envelope of a frame says it.

use super::Malformed;
use super::field::{Field, Reader};
use crate::message::Body;

macro_rules! kinds {
    ($($name:ident = $number:literal: $body:ident),*) => {
        $(pub(super) const $name: u8 = $number;)*

        /// The kind of a body.
        pub fn kind_of(body: &Body) -> u8 {
            match body {
                $(Body::$body(_) => $name,)*
            }
        }

        pub(super) fn read(kind: u8, reader: &mut Reader<'_>) -> Result<Body, Malformed> {
            match kind {
                $($name => reader.read().map(Body::$body),)*
                other => Err(Malformed::Kind(other)),
            }
        }

        pub(super) fn write(body: &Body, out: &mut Vec<u8>) {
            match body {
                $(Body::$body(said) => said.write(out),)*
            }
        }
    };
}

kinds! {
    BEACON = 1: Beacon,
    HEARD = 2: Heard,
    CLAIMS = 3: Claims,
    BUCKETS = 4: Buckets,
    REQUEST = 5: Request,
    QUERY = 6: Query,
    ALIVE = 7: Alive,
    RETURNED = 8: Returned,
    FINDINGS = 9: Findings
}
