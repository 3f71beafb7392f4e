//! Whether each right of the daemons is needed: each verb of each rule is taken away in turn, the daemons start anew with
//! tokens of their accounts, and live through the same script; what they are refused, and what does not happen, is told.

mod rights;
mod routed;
mod script;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::lab::{Lab, LabConfig};
use crate::source;
pub use rights::Right;
use rights::Roles;
use script::{Script, Seen};

/// What became of the script without one verb of one rule.
#[derive(Debug, Clone, Serialize)]
pub struct Loss {
    /// What was taken away.
    #[serde(flatten)]
    pub right: Right,
    /// How many requests the API server refused.
    pub refused: usize,
    /// What did not happen, or what a daemon said first.
    pub breaks: Vec<String>,
}

/// The whole table.
#[derive(Debug, Clone, Serialize)]
pub struct Privileges(pub Vec<Loss>);

/// Takes away each verb that `wanted` says, in a lab of its own.
///
/// # Errors
/// If the script fails with all rights, or the lab does.
pub fn privileges(
    name: &str,
    wanted: impl FnMut(&Right) -> bool,
    mut tell: impl FnMut(&Loss),
) -> Result<Privileges> {
    let lab = Lab::up_bare(&LabConfig {
        name: name.to_owned(),
        nodes: 2,
        clients: 1,
    })?;
    lab.apply_definitions(None)?;
    let roles = Roles::shipped(&lab)?;
    let program = source::static_program("ferrolb")?;
    let script = Script::new(&lab, &program.to_string_lossy())?;
    let _router = routed::router(&lab);
    let whole = script.run()?;
    if !whole.breaks.is_empty() || whole.refused > 0 {
        let (refused, breaks) = (whole.refused, whole.breaks.join("; "));
        return Error::refused(format!("with all rights, refused {refused} times: {breaks}"));
    }
    let mut losses = Vec::new();
    for right in roles.rights().into_iter().filter(wanted) {
        roles.without(&lab, &right)?;
        let seen = script.run();
        roles.restore(&lab, &right)?;
        let Seen { refused, breaks } = seen?;
        let loss = Loss {
            right,
            refused,
            breaks,
        };
        tell(&loss);
        losses.push(loss);
    }
    lab.down()?;
    Ok(Privileges(losses))
}

impl Privileges {
    /// Rights whose loss nobody notices.
    #[must_use]
    pub fn unneeded(&self) -> Vec<&Right> {
        let idle = self
            .0
            .iter()
            .filter(|loss| loss.refused == 0 && loss.breaks.is_empty());
        idle.map(|loss| &loss.right).collect()
    }
}
