//! A workload that says who it is and who asked, and the small HTTP client that asks it.

pub mod answer;
pub mod http;
pub mod serve;
