//! Threads of their own, for what nothing else may delay.

use tokio::sync::oneshot;

/// Runs `work` on a thread of this name. What is returned closes when the thread ends, by a panic too.
///
/// # Errors
/// The system has no thread to give.
pub(crate) fn on_own_thread<F: Future<Output = ()>>(
    name: &str,
    work: impl FnOnce() -> F + Send + 'static,
) -> std::io::Result<oneshot::Receiver<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let thread = std::thread::Builder::new().name(name.to_owned());
    let (alive, ended) = oneshot::channel();
    thread.spawn(move || {
        let _alive = alive;
        runtime.block_on(work());
    })?;
    Ok(ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_noticed_when_a_thread_panics_or_ends() {
        let mut lives = on_own_thread("lives", std::future::pending).unwrap();
        for ended in [
            on_own_thread("panics", || async { panic!("as a fault would") }),
            on_own_thread("ends", || async {}),
        ] {
            ended.unwrap().await.unwrap_err();
        }
        assert_eq!(lives.try_recv(), Err(oneshot::error::TryRecvError::Empty));
    }
}
