//! The process shell both daemons share: logs, signals, readiness, metrics, watches, events, status writes.
//!
//! Nothing here knows what a pool, a Service or an announcer is. A daemon starts as a [`process::Process`], which sets
//! up logs, signals and the Kubernetes [`client`], opens one [`reflect::Watch`] per resource and then loops:
//!
//! ```text
//! watch ──▶ Reflection ──mark──▶ Wakes ──▶ snapshot ──▶ decide ──▶ plan ──▶ patch / events
//!               │                                                            │
//!               ◀──────────────── seen again only through the watch ─────────┘
//! ```
//!
//! [`serve`] answers `/metrics`, `/healthz` and `/readyz` meanwhile, and [`shutdown`] says when to stop.

pub mod alive;
pub mod args;
pub mod backoff;
pub mod cause;
pub mod client;
pub mod dirty;
pub mod events;
pub mod idle;
pub mod log;
pub mod metrics;
pub mod newest;
pub mod patch;
pub mod process;
pub mod random;
pub mod ready;
pub mod reflect;
pub mod serve;
pub mod shutdown;
pub mod upkeep;
