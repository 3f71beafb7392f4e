//! One rule each. By hash alone the nodes n1, n2 and n3 stand in this order:
//! 192.0.2.1: n2 n1 n3 · 192.0.2.2: n1 n2 n3 · 192.0.2.4: n3 n2 n1 · 2001:db8::1: n2 n3 n1.

mod demand;
mod eligible;
mod group;
mod rank;
