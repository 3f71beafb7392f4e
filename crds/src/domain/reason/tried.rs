//! The pools that were tried for a Service, in few words however many there are.

use std::fmt;

use itertools::Itertools;

use super::PoolRefusal;
use super::words::NAMED;
use crate::domain::PoolName;

/// How many different refusals are told apart.
const CAUSES: usize = 10;
/// So many pools with the same refusal each get a sentence of their own.
const SPELT_OUT: usize = 3;

/// The pools that were tried, in their order, those with the same refusal together.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Tried {
    causes: Vec<Cause>,
    /// How many pools refused for yet other reasons.
    further: usize,
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Cause {
    why: PoolRefusal,
    /// The first of them.
    pools: Vec<PoolName>,
    more: usize,
}

impl Tried {
    /// Adds a pool.
    pub fn add(&mut self, pool: &PoolName, why: PoolRefusal) {
        let known = self.causes.len();
        match self.causes.iter_mut().find(|cause| cause.why == why) {
            Some(cause) if cause.pools.len() < NAMED => cause.pools.push(pool.clone()),
            Some(cause) => cause.more += 1,
            None if known < CAUSES => self.causes.push(Cause {
                why,
                pools: vec![pool.clone()],
                more: 0,
            }),
            None => self.further += 1,
        }
    }
}

/// `pool a has no free IPv4 address (likewise b, c, e); pool d does not admit the Service (spec.serviceAllocation)`.
impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.causes.is_empty() {
            return f.write_str("no pool is left to try");
        }
        write!(f, "{}", self.causes.iter().format("; "))?;
        match self.further {
            0 => Ok(()),
            further => write!(f, "; {further} further pools have none either"),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, others)) = self.pools.split_first() else {
            return Ok(());
        };
        write!(f, "pool {first}{}", self.why)?;
        if others.len() < SPELT_OUT {
            return others
                .iter()
                .try_for_each(|pool| write!(f, "; pool {pool}{}", self.why));
        }
        let others = others.iter().format(", ");
        match self.more {
            0 => write!(f, " (likewise {others})"),
            more => write!(f, " (likewise {others} and {more} more)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Family;

    #[test]
    fn pools_with_the_same_refusal_are_named_together_and_a_long_list_is_cut() {
        let mut tried = Tried::default();
        tried.add(&"z".into(), PoolRefusal::NotAutomatic);
        for number in 10..2_000 {
            let pool = PoolName::from(format!("p{number}").as_str());
            tried.add(&pool, PoolRefusal::Exhausted(Family::V4));
        }
        assert_eq!(
            tried.to_string(),
            "pool z is not assigned automatically (autoAssign: false); pool p10 has no free IPv4 address \
             (likewise p11, p12, p13, p14, p15, p16, p17, p18, p19 and 1980 more)"
        );
    }

    #[test]
    fn many_different_refusals_are_cut_too() {
        let mut tried = Tried::default();
        for number in 0..500_u32 {
            let why = PoolRefusal::Withheld {
                address: std::net::Ipv4Addr::from_bits(0xc000_0200 + number).into(),
                why: super::super::Withheld::Buggy,
                more: 0,
                others_used: false,
            };
            tried.add(&"p".into(), why);
        }
        assert!(
            tried
                .to_string()
                .ends_with("; 490 further pools have none either")
        );
    }
}
