//! `ferrolb pool drain`: Services leave addresses that they keep against the rules, one by one.
//!
//! The controller never takes an address in use away. This asks it to, for one Service at a time, by an annotation
//! (`ferrolb.io/give-up`) that it answers with another address or with the reason why there is none.

mod fate;
mod forecast;
mod moving;
mod progress;
mod select;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use ferrolb_controller::alloc::{self, World};
use ferrolb_crds::domain::PoolName;
use ferrolb_runtime::shutdown::Shutdown;

use crate::cluster::{self, Access, Cluster};
use crate::daemons::ClassArgs;
use crate::problem::Problem;
use fate::{Fate, line};
use forecast::forecast;
use moving::{Mover, Step};
use select::{Leaving, Standing, leaving, standing};

/// As a shell has it for a program that SIGINT ended: 128 + 2.
const INTERRUPTED: u8 = 130;

/// Move Services off addresses of a pool that they keep only because they use them, one by one.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The pool
    #[arg(value_name = "NAME")]
    pool: String,

    /// Only say which Services would move, and where to
    #[arg(long)]
    dry_run: bool,

    /// How long to wait for each Service
    #[arg(long, default_value = "30", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    timeout: u32,

    #[command(flatten)]
    access: Access,

    #[command(flatten)]
    class: ClassArgs,
}

/// Drains and prints.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    cluster::block_on(drain(args))
}

async fn drain(args: &Args) -> anyhow::Result<ExitCode> {
    let pool = PoolName::from(args.pool.as_str());
    let cluster = Cluster::connect(&args.access).await?;
    let mut problems = Vec::new();
    let objects = cluster.read_for_addresses(&mut problems).await?;
    let world = objects.world(args.class.lb_class.as_deref(), &mut problems);
    if let Some(problem) = invalid(&pool, &world, &problems) {
        anyhow::bail!(
            "pool {pool} is skipped in whole or in part, so that addresses of it look like nobody's: {}",
            problem.message
        );
    }
    let decision = alloc::decide(&world);
    let leaving = leaving(&pool, &world, &decision);
    if leaving.is_empty() {
        say(&nothing_to_drain(&pool, &standing(&pool, &world, &decision)))?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.dry_run {
        for (leaving, forecast) in leaving.iter().zip(forecast(world, &leaving)) {
            say(&line(leaving, &forecast))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mover = Mover {
        client: cluster.client,
        timeout: Duration::from_secs(args.timeout.into()),
        stop: Shutdown::on_signals()?,
    };
    move_all(&mover, &leaving).await
}

/// What is wrong with a pool that is there and that the controller skips in whole or in part.
fn invalid<'a>(pool: &PoolName, world: &World, problems: &'a [Problem]) -> Option<&'a Problem> {
    let concerns =
        |problem: &&Problem| problem.object.kind == "IPAddressPool" && problem.object.name == pool.as_str();
    let is_whole = world
        .pools
        .named(pool)
        .is_some_and(|pool| pool.unusable.is_empty());
    problems.iter().find(concerns).filter(|_| !is_whole)
}

async fn move_all(mover: &Mover, leaving: &[Leaving]) -> anyhow::Result<ExitCode> {
    let mut late = 0;
    for one in leaving {
        let fate = match one.asked_for {
            true => Fate::AskedFor,
            false => match mover.move_one(&one.service, &one.addresses).await? {
                Step::Ended(fate) => fate,
                Step::Interrupted => {
                    eprintln!("ferrolb pool drain: interrupted at {}", one.service);
                    return Ok(ExitCode::from(INTERRUPTED));
                }
            },
        };
        late += usize::from(matches!(fate, Fate::Late { .. }));
        say(&line(one, &fate))?;
    }
    anyhow::ensure!(
        late == 0,
        "{late} of {} Services did not move in time",
        leaving.len()
    );
    Ok(ExitCode::SUCCESS)
}

fn nothing_to_drain(pool: &PoolName, standing: &Standing) -> String {
    match standing {
        Standing::Unknown => {
            format!("nothing to drain: there is no pool {pool}, and no Service has an address of it")
        }
        Standing::Regular(0) => format!("nothing to drain: no Service has an address of pool {pool}"),
        Standing::Regular(users) => format!(
            "nothing to drain: {users} Services use pool {pool} as they may; to drain it, delete it, take \
             addresses out of its spec.addresses, or set its spec.autoAssign to false"
        ),
    }
}

fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

#[cfg(test)]
mod tests;
