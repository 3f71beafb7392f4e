//! How long ago something was, as kubectl says it.

use k8s_openapi::jiff::Timestamp;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// `45s`, `12m`, `5h`, `3d`; a time to come counts as now.
pub(crate) fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = (now.as_second() - since.as_second()).max(0);
    if seconds < 2 * MINUTE {
        format!("{seconds}s")
    } else if seconds < 2 * HOUR {
        format!("{}m", seconds / MINUTE)
    } else if seconds < 2 * DAY {
        format!("{}h", seconds / HOUR)
    } else {
        format!("{}d", seconds / DAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(-5, "0s")]
    #[case(119, "119s")]
    #[case(120, "2m")]
    #[case(2 * HOUR, "2h")]
    #[case(2 * DAY, "2d")]
    fn the_unit_fits_the_age(#[case] seconds: i64, #[case] expected: &str) {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let since = Timestamp::from_second(1_700_000_000 - seconds).unwrap();
        assert_eq!(age(since, now), expected);
    }
}
