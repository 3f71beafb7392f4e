//! Where figures of speakers are taken.

use crate::error::Result;
use crate::lab::{Lab, LabConfig};

/// Where it is measured.
#[derive(Debug, Clone)]
pub enum Place {
    /// In a lab of this name, made for it.
    Own(String),
    /// In a lab of this name that runs, with what is installed there.
    Running(String),
}

impl Place {
    /// The lab, and whether it was made for this.
    pub(super) fn open(&self, nodes: u8, bare: bool) -> Result<(Lab, bool)> {
        let name = match self {
            Self::Running(name) => return Ok((Lab::open(name)?, false)),
            Self::Own(name) => name.clone(),
        };
        let config = LabConfig {
            name,
            nodes,
            clients: 1,
        };
        let lab = if bare {
            Lab::up_bare(&config)?
        } else {
            Lab::up(&config)?
        };
        Ok((lab, true))
    }
}
