//! What the wire told, and what of it is worth a line in the log.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use ferrolb_crds::domain::InterfaceName;
use tokio::time::Instant;

use crate::history::{Cause, Happened, History, What};
use crate::layer2::announce::News;
use crate::layer2::wire::Mac;

/// An address gets one line in this time at most: stations that fight over it would fill the log.
const BETWEEN_LINES: Duration = Duration::from_secs(60);
/// More stations than this are not told apart: somebody makes them up.
const MOST_MACS: usize = 100;

/// What was logged, so that only news is.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    claims: BTreeMap<IpAddr, Claims>,
    troubles: BTreeMap<InterfaceName, String>,
}

/// The foreign claims of one address since its last line.
#[derive(Debug, Default)]
struct Claims {
    /// When the last line was written, and the station that it named.
    last: Option<(Instant, Mac)>,
    count: u64,
    macs: BTreeSet<Mac>,
}

/// What a line says beside the address and the station.
#[derive(Debug, Eq, PartialEq)]
struct Line {
    claims: u64,
    macs: usize,
}

impl Heard {
    /// Logs what is new of this address or interface, and writes down who claims an address.
    pub(crate) fn log(&mut self, news: News, history: &History) {
        match news {
            News::ForeignClaim {
                address,
                mac,
                interface,
            } => {
                let of_address = self.claims.entry(address).or_default();
                if let Some(Line { claims, macs }) = of_address.add(mac, Instant::now()) {
                    let vendor = mac.vendor();
                    tracing::warn!(%address, %mac, vendor, %interface, claims, macs, "another station claims an address that we announce");
                    history.add(Happened {
                        interface: Some(interface),
                        ..Happened::new(What::Detected, Cause::ForeignClaim).of(address)
                    });
                }
            }
            News::Trouble { interface, message } => {
                if self.troubles.get(&interface) != Some(&message) {
                    tracing::warn!(%interface, "cannot announce as it should be: {message}");
                    self.troubles.insert(interface, message);
                }
            }
        }
    }
}

impl Claims {
    /// Counts a claim. Returns a line if another station than that of the last line claimed the address since, and the
    /// last line is old enough.
    fn add(&mut self, mac: Mac, now: Instant) -> Option<Line> {
        self.count += 1;
        if self.macs.len() < MOST_MACS {
            self.macs.insert(mac);
        }
        let is_news = match self.last {
            Some((at, told)) => now >= at + BETWEEN_LINES && self.macs.iter().any(|mac| *mac != told),
            None => true,
        };
        is_news.then(|| {
            self.last = Some((now, mac));
            Line {
                claims: std::mem::take(&mut self.count),
                macs: std::mem::take(&mut self.macs).len(),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mac(number: u32) -> Mac {
        let [.., a, b, c] = number.to_be_bytes();
        Mac([2, 0, 0, a, b, c])
    }

    #[test]
    fn the_first_claim_of_an_address_is_logged_at_once() {
        let line = Claims::default().add(mac(1), Instant::now());
        assert_eq!(line, Some(Line { claims: 1, macs: 1 }));
    }

    #[test]
    fn a_flood_of_claims_with_changing_macs_is_one_line_a_minute() {
        let (mut claims, start) = (Claims::default(), Instant::now());
        // 10,000 a second for two minutes.
        let lines: Vec<Line> = (0..1_200_000)
            .filter_map(|number| claims.add(mac(number), start + Duration::from_micros(100) * number))
            .collect();
        let expected = [
            Line { claims: 1, macs: 1 },
            Line {
                claims: 600_000,
                macs: MOST_MACS,
            },
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn two_stations_that_fight_over_an_address_are_counted() {
        let (mut claims, start) = (Claims::default(), Instant::now());
        let lines: Vec<Line> = (0..=60)
            .filter_map(|second| claims.add(mac(second % 2), start + Duration::from_secs(second.into())))
            .collect();
        assert_eq!(lines, [Line { claims: 1, macs: 1 }, Line { claims: 60, macs: 2 }]);
    }

    #[test]
    fn a_station_that_goes_on_claiming_an_address_is_no_news() {
        let (mut claims, start) = (Claims::default(), Instant::now());
        claims.add(mac(1), start);
        assert_eq!(claims.add(mac(1), start + BETWEEN_LINES * 3), None);
        let another = claims.add(mac(2), start + BETWEEN_LINES * 4);
        assert_eq!(another, Some(Line { claims: 2, macs: 2 }));
    }
}
