//! Raw Ethernet sockets with a kernel filter, and link events; the only crate with unsafe code.
