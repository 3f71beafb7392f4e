//! Whether each right of the daemons is needed: each verb of each rule is taken away in turn, the daemons start anew with
//! tokens of their accounts, and live through the same script; what they are refused, and what does not happen, is told.

mod rights;
mod script;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::lab::{Lab, LabConfig};
use crate::source;
pub use rights::Right;
use rights::Roles;
use script::Script;

/// What became of the script without one verb of one rule.
#[derive(Debug, Clone, Serialize)]
pub struct Loss {
    /// What was taken away.
    #[serde(flatten)]
    pub right: Right,
    /// How often the API server refused it.
    pub refused: usize,
    /// What did not happen, or what a daemon said first.
    pub breaks: Vec<String>,
}

/// The whole table.
#[derive(Debug, Clone, Serialize)]
pub struct Privileges {
    /// Rights that the script never uses.
    pub unused: Vec<Right>,
    /// What breaks without each of the others.
    pub losses: Vec<Loss>,
}

/// Takes away each verb that `wanted` says, in a lab of its own.
///
/// # Errors
/// If the script fails with all rights, or the lab does.
pub fn privileges(
    name: &str,
    wanted: impl Fn(&Right) -> bool,
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
    let whole = script.run()?;
    if !whole.breaks.is_empty() {
        return Error::refused(format!("with all rights: {}", whole.breaks.join("; ")));
    }
    let (used, unused): (Vec<Right>, Vec<Right>) = roles
        .rights()
        .into_iter()
        .filter(|right| wanted(right))
        .partition(|right| right.is_used_by(&whole.asked));
    let mut losses = Vec::new();
    for right in used {
        roles.without(&lab, &right)?;
        let seen = script.run();
        roles.restore(&lab, &right)?;
        let seen = seen?;
        let loss = Loss {
            refused: seen.refused.iter().filter(|asked| right.covers(asked)).count(),
            breaks: seen.breaks,
            right,
        };
        tell(&loss);
        losses.push(loss);
    }
    lab.down()?;
    Ok(Privileges { unused, losses })
}

impl Privileges {
    /// Rights whose loss nobody notices.
    #[must_use]
    pub fn unneeded(&self) -> Vec<&Right> {
        let idle = self.losses.iter().filter(|loss| loss.refused == 0);
        self.unused.iter().chain(idle.map(|loss| &loss.right)).collect()
    }
}

/// A request, as the audit log and RBAC name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Asked {
    daemon: String,
    verb: String,
    /// With a subresource, as in `services/status`.
    resource: String,
}

type AskedAll = BTreeSet<Asked>;
