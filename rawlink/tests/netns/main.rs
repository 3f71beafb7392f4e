//! Sockets and link events on real interfaces, in network namespaces of their own.

fn main() {}
