//! Elects the announcing node of each address and answers ARP and NDP for it.

pub mod election;
