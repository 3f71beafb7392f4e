//! The suites that run on the lab are the test targets of this crate; there is nothing else in it.
