//! What a machine of a segment hears.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ferrolb_lab::probe::{Tap, announcement};
use ferrolb_lab::segment::Nic;
use ferrolb_lab::{Lab, Mac, Result, wait};

use crate::scene::SOON;

/// Waits until each of the addresses is answered for by this MAC and no other, heard at an interface.
pub(crate) fn answered_by(lab: &Lab, at: &Nic, addresses: &[IpAddr], mac: Mac) -> Result<()> {
    addresses
        .iter()
        .try_for_each(|address| one_of(lab, at, *address, &[mac]).map(drop))
}

/// Waits until an address is answered for by one of these MACs and by nobody else, heard at an interface.
pub(crate) fn one_of(lab: &Lab, at: &Nic, address: IpAddr, macs: &[Mac]) -> Result<Mac> {
    let what = format!("{address} to be answered for by one of {macs:?}");
    wait::until_seen(&what, SOON, || {
        let answers: Vec<Mac> = lab.answering_at(at, address)?.into_iter().collect();
        Ok(match answers[..] {
            [only] if macs.contains(&only) => Ok(only),
            _ => Err(format!("{answers:?}")),
        })
    })
}

/// Waits until it was said of each of the addresses unasked that it is at this MAC.
pub(crate) fn announced_unasked(tap: &Tap, addresses: &[IpAddr], mac: Mac) -> Result<()> {
    let mut missing: BTreeSet<IpAddr> = addresses.iter().copied().collect();
    let what = format!("gratuitous frames from {mac} about {addresses:?}");
    tap.wait(&what, SOON, |frame| {
        missing.retain(|address| announcement(frame, *address) != Some(mac));
        missing.is_empty().then_some(())
    })
}
