//! `measure failover`.

use std::time::Duration;

use anyhow::Result;
use ferrolb_lab::Implementation;
use ferrolb_lab::measure::{self, Failover, Kind, Place};

use crate::arguments::{FailoverArguments, Fault, Output};

pub(crate) fn measured(name: &str, given: FailoverArguments) -> Result<()> {
    let place = match &given.lab {
        Some(running) => Place::Running(running.clone()),
        None => Place::Own(name.to_owned()),
    };
    let output = given.output;
    // standard output is for the figures
    let figures = measure::failover(&place, &what(given), |run| eprintln!("{run}"))?;
    match output {
        Output::Text => println!("{}", figures.in_words()),
        Output::Json => println!("{}", serde_json::to_string_pretty(&figures)?),
    }
    Ok(figures.verdict()?)
}

fn what(given: FailoverArguments) -> Failover {
    Failover {
        kind: kind(given.kind),
        runs: given.runs,
        nodes: given.nodes,
        plain: given.plain,
        implementation: Implementation {
            controller: given.controller,
            speaker: given.speaker,
            manifests: given.manifests,
        },
        variables: given.env,
        without_api: given.without_api,
        ipv6: given.ipv6,
        limit: Duration::from_secs(given.limit),
        stall_limit: Duration::from_millis(given.stall_ms),
    }
}

fn kind(fault: Fault) -> Kind {
    match fault {
        Fault::Cut => Kind::Cut,
        Fault::Kill => Kind::Kill,
        Fault::Hang => Kind::Hang,
        Fault::Carrier => Kind::Carrier,
        Fault::Twin => Kind::Twin,
    }
}
