//! `ferrolb plan --against-cluster`: what would change if these manifests were applied now.

use ferrolb_crds::domain::Family;
use serde::Serialize;

use super::Args;
use super::differences::{Difference, differences};
use super::manifests::Manifests;
use super::overlay;
use super::sessions::{SessionChange, session_changes};
use super::standing::standing;
use super::world::{Daemons, Speakers, plan};
use crate::cluster::{AccessError, Cluster};
use crate::objects::Objects;
use crate::problem::Problem;

/// The answer, in the shape that `-o json` prints; stable, documented in `docs/plan.md`.
#[derive(Debug, Serialize)]
pub(super) struct Changes {
    pub(super) changes: Vec<Difference>,
    /// What becomes of BGP sessions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) sessions: Vec<SessionChange>,
    pub(super) problems: Vec<Problem>,
}

/// Reads the cluster and compares; without manifests, its statuses with what the daemons make of them.
pub(super) async fn read_and_compare(
    manifests: Option<Manifests>,
    args: &Args,
) -> Result<Changes, AccessError> {
    let mut problems = Vec::new();
    let cluster = Cluster::connect(&args.access).await?;
    let live = cluster.read(&mut problems).await?;
    let daemons = Daemons {
        speakers: Speakers::Running,
        ..args.daemons()
    };
    let mut sessions = Vec::new();
    let (before, after) = match manifests {
        Some(manifests) => {
            let families = families(&cluster, &live, &args.cluster_families).await;
            let applied = overlay::apply(&live, manifests.objects, &families);
            problems.extend(manifests.problems);
            problems.extend(applied.problems);
            sessions = session_changes(&live, &applied.objects);
            let before = plan(&live, &daemons, Vec::new()).services;
            let daemons = Daemons {
                changed: applied.changed,
                ..daemons
            };
            (before, plan(&applied.objects, &daemons, problems))
        }
        None => (
            standing(&live.services, daemons.options.class.as_deref()),
            plan(&live, &daemons, problems),
        ),
    };
    Ok(Changes {
        changes: differences(&before, &after.services),
        sessions,
        problems: after.problems,
    })
}

async fn families(cluster: &Cluster, live: &Objects, given: &[Family]) -> Vec<Family> {
    if !given.is_empty() {
        return given.to_vec();
    }
    let told = cluster.families().await;
    if told.is_empty() {
        overlay::families(live)
    } else {
        told
    }
}
