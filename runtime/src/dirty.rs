//! A coalescing wake-up: many may say that something changed, one loop hears it.
//!
//! There is no debounce. The loop wakes at the first mark; marks that arrive while it works are kept as *one* mark,
//! so that it runs exactly once more, however many there were. A mark is never lost and never counted twice.

use std::sync::Arc;

use tokio::sync::Notify;

/// Says that the world changed. Cheap to clone and to call, from any thread.
#[derive(Clone, Debug)]
pub struct Dirty(Arc<Notify>);

/// Hears the marks of all clones of one [`Dirty`]. There is only one, held by the loop.
#[derive(Debug)]
pub struct Wakes(Arc<Notify>);

/// A pair that is not marked yet.
#[must_use]
pub fn channel() -> (Dirty, Wakes) {
    let notify = Arc::new(Notify::new());
    (Dirty(notify.clone()), Wakes(notify))
}

impl Dirty {
    /// Wakes the loop, or makes its next [`Wakes::wait`] return at once.
    pub fn mark(&self) {
        self.0.notify_one();
    }
}

impl Wakes {
    /// Returns when there was a mark since the last return; marks since then count as one.
    ///
    /// Take the snapshot *after* this returns: a mark that comes between the two only causes one more pass.
    /// Cancel-safe: a wait dropped before it returned (in `select!`) leaves the mark for the next wait.
    pub async fn wait(&mut self) {
        self.0.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn woken(wakes: &mut Wakes) -> bool {
        wakes.wait().now_or_never().is_some()
    }

    #[test]
    fn nothing_marked_means_no_wake() {
        let (_dirty, mut wakes) = channel();
        assert!(!woken(&mut wakes));
    }

    #[test]
    fn a_mark_made_before_the_wait_is_heard() {
        let (dirty, mut wakes) = channel();
        dirty.mark();
        assert!(woken(&mut wakes));
    }

    #[test]
    fn many_marks_wake_once() {
        let (dirty, mut wakes) = channel();
        for handle in [dirty.clone(), dirty.clone(), dirty] {
            handle.mark();
        }
        assert!(woken(&mut wakes));
        assert!(!woken(&mut wakes));
    }

    #[test]
    fn a_mark_made_while_the_loop_works_wakes_it_again() {
        let (dirty, mut wakes) = channel();
        dirty.mark();
        assert!(woken(&mut wakes));
        dirty.mark();
        assert!(woken(&mut wakes));
    }

    #[test]
    fn a_cancelled_wait_loses_no_mark() {
        let (dirty, mut wakes) = channel();
        let mut wait = Box::pin(wakes.wait());
        assert!(wait.as_mut().now_or_never().is_none());
        dirty.mark();
        drop(wait);
        assert!(woken(&mut wakes));
    }

    #[tokio::test]
    async fn a_sleeping_loop_is_woken_by_another_task() {
        let (dirty, mut wakes) = channel();
        let waiter = tokio::spawn(async move { wakes.wait().await });
        tokio::task::yield_now().await;
        dirty.mark();
        waiter.await.unwrap();
    }
}
