//! `ferrolb plan --against-cluster`: what would change if these manifests were applied now.

use ferrolb_crds::domain::{Family, Problem};
use serde::Serialize;

use super::Args;
use super::differences::{Difference, differences};
use super::manifests::Manifests;
use super::overlay::{self, Applied};
use super::standing::standing;
use super::world::{Daemons, Speakers, plan};
use crate::cluster::{AccessError, Cluster};
use crate::objects::Objects;

/// The answer, in the shape that `-o json` prints; stable, documented in `docs/plan.md`.
#[derive(Debug, Serialize)]
pub(super) struct Changes {
    pub(super) changes: Vec<Difference>,
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
    Ok(match manifests {
        Some(manifests) => {
            let families = families(&cluster, &live, &args.cluster_families).await;
            applied(&live, manifests, &families, args, problems)
        }
        None => pending(&live, args, problems),
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

fn applied(
    live: &Objects,
    manifests: Manifests,
    families: &[Family],
    args: &Args,
    mut problems: Vec<Problem>,
) -> Changes {
    let before = plan(live, &daemons(args), Vec::new());
    let Applied {
        objects,
        changed,
        problems: refused,
    } = overlay::apply(live, manifests.objects, families);
    problems.extend(manifests.problems);
    problems.extend(refused);
    let daemons = Daemons {
        changed,
        ..daemons(args)
    };
    let after = plan(&objects, &daemons, problems);
    Changes {
        changes: differences(&before.services, &after.services),
        problems: after.problems,
    }
}

fn pending(live: &Objects, args: &Args, problems: Vec<Problem>) -> Changes {
    let after = plan(live, &daemons(args), problems);
    Changes {
        changes: differences(
            &standing(&live.services, args.daemons.options().class.as_deref()),
            &after.services,
        ),
        problems: after.problems,
    }
}

fn daemons(args: &Args) -> Daemons {
    Daemons {
        speakers: Speakers::Running,
        ..args.daemons()
    }
}
