//! The process shell both daemons share: logs, signals, readiness, metrics, watches, events, status writes.
