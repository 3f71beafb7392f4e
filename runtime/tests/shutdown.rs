//! Signals concern the whole process, so this is a test binary of its own with one test.

use ferrolb_runtime::shutdown::Shutdown;
use nix::sys::signal::{Signal, raise};

#[tokio::test]
async fn sigterm_drains_and_a_later_sigint_aborts() {
    let shutdown = Shutdown::on_signals().unwrap();
    raise(Signal::SIGTERM).unwrap();
    shutdown.draining().await;
    assert!(!shutdown.is_aborted());
    raise(Signal::SIGINT).unwrap();
    shutdown.aborted().await;
}
