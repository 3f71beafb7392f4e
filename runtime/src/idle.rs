//! What a loop waits for while it has nothing to do. Each returns only when there is something.

use std::future::pending;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// Returns at this time; without one never.
pub async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

/// The result of the next task that ends; waits for ever while there is none under way. A task that panicked is
/// logged and passed over. Cancel-safe.
pub async fn next_ended<T: 'static>(tasks: &mut JoinSet<T>) -> T {
    loop {
        match tasks.join_next().await {
            Some(Ok(result)) => return result,
            Some(Err(panic)) => tracing::error!(%panic, "a task was lost"),
            None => pending::<()>().await,
        }
    }
}
