//! The workload of the lab.

fn main() {}
