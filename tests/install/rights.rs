//! A right that is taken away is missed.
use ferrolb_lab::suite::Trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![]
}
