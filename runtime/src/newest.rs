//! Values of which the newest counts, for those who watch them.

use tokio::sync::watch;

/// Sends a value unless it is the same as the one before, so that nobody wakes for nothing; whether it was sent.
pub fn send_if_other<T: PartialEq>(sender: &watch::Sender<T>, now: T) -> bool {
    sender.send_if_modified(|known| {
        let differs = *known != now;
        *known = now;
        differs
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_value_wakes_nobody() {
        let (sender, mut seen) = watch::channel(1);
        seen.mark_unchanged();
        assert!(!send_if_other(&sender, 1));
        assert!(!seen.has_changed().unwrap());
        assert!(send_if_other(&sender, 2));
        assert_eq!(*seen.borrow_and_update(), 2);
    }
}
