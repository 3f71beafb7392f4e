//! How many frames of a peer are lost: it numbers them.

/// Frames after which the loss is reckoned anew: at ten beacons a second, some 20 s.
const WINDOW: u64 = 256;

/// What is counted of one peer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Losses {
    /// Number of the first frame of this window; none before the first frame.
    first: Option<u64>,
    came: u64,
    /// Of the last window.
    permille: Option<u16>,
}

impl Losses {
    /// The frame with this number came. Each comes once.
    pub(super) fn count(&mut self, sequence: u64) {
        let first = *self.first.get_or_insert(sequence);
        let sent = sequence.saturating_sub(first);
        if sent >= WINDOW {
            let lost = sent.saturating_sub(self.came);
            self.permille = u16::try_from(lost.saturating_mul(1000) / sent).ok();
            self.first = Some(sequence);
            self.came = 0;
        }
        self.came += 1;
    }

    /// Lost frames of the last window, of a thousand; none before its end.
    pub(super) fn permille(self) -> Option<u16> {
        self.permille
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(numbers: impl Iterator<Item = u64>) -> Option<u16> {
        let mut losses = Losses::default();
        numbers.for_each(|number| losses.count(number));
        losses.permille()
    }

    #[test]
    fn the_loss_of_a_window_is_what_its_numbers_lack() {
        assert_eq!(after(7..7 + WINDOW), None, "the first window has not ended");
        assert_eq!(after(7..=7 + WINDOW), Some(0));
        assert_eq!(after((0..=WINDOW).filter(|number| number % 4 != 3)), Some(250));
        assert_eq!(after([1, 100_000].into_iter()), Some(999));
    }

    #[test]
    fn a_loss_that_is_over_is_forgotten_after_a_window() {
        let bad = (0..=WINDOW).filter(|number| number % 2 == 0);
        assert_eq!(after(bad.chain(WINDOW + 1..=2 * WINDOW)), Some(0));
    }
}
