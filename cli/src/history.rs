//! `ferrolb history`: what happened of late, as the speakers remember it.

mod about;
mod merge;
mod table;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use ferrolb_crds::domain::NodeName;
use ferrolb_speaker::history::{self, Line};
use futures::future::join_all;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use kube::api::ListParams;
use serde::Serialize;

use crate::asking::{self, AskError};
use crate::cluster::{self, Cluster, Place, readable};
use crate::plan::Output;
use crate::speakers::{Pod, SPEAKER_PODS};
use about::About;
use merge::{Told, merged};

/// Show what happened of late: which address moved, when, why, and how long it took.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// svc/NAME, svc/NAMESPACE/NAME, an address, or node/NAME; without it everything
    #[arg(value_name = "SERVICE|ADDRESS|NODE")]
    about: Option<About>,

    /// Namespace of the Service; without it that of the kubeconfig's context
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,

    /// Only what happened in this time, as 90s, 10m or 2h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    since: Option<SignedDuration>,

    /// Form of the answer
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,

    #[command(flatten)]
    place: Place,
}

/// The answer, in the shape that `-o json` prints; stable, documented in `docs/operations.md`.
#[derive(Debug, Serialize)]
struct History {
    /// The oldest first.
    history: Vec<Told>,
    /// The speakers that could not be asked.
    silent: Vec<Silent>,
}

/// A speaker that could not be asked.
#[derive(Debug, Serialize)]
struct Silent {
    node: NodeName,
    pod: String,
    why: String,
}

/// A time with its unit.
pub(crate) fn duration(text: &str) -> Result<SignedDuration, String> {
    let is_any = |time: &SignedDuration| time.is_positive();
    let time = text.parse().ok().filter(is_any);
    time.ok_or_else(|| "must be a time as 90s, 10m or 2h".to_owned())
}

/// Asks and prints.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let history = cluster::block_on(ask_all(args))?;
    for silent in &history.silent {
        eprintln!(
            "ferrolb history: the speaker of {} is not asked: {}",
            silent.node, silent.why
        );
    }
    let text = args
        .output
        .render(&history, |history| table::render(&history.history));
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

async fn ask_all(args: &Args) -> anyhow::Result<History> {
    let cluster = Cluster::connect(&args.place.access()).await?;
    let context = cluster.client.default_namespace().to_owned();
    let about = args.about.clone();
    let about = about.map(|about| about.within(args.namespace.as_ref().unwrap_or(&context)));
    // What is longer ago than there is time counts as ever.
    let from = args
        .since
        .and_then(|since| Timestamp::now().checked_sub(since).ok());
    let from_unix_ms = from.map(Timestamp::as_millisecond);
    let of_pods = ListParams::default().labels(SPEAKER_PODS);
    let pods = cluster.entries(Some(&cluster.namespace), &of_pods).await?;
    let pods: Vec<Pod> = readable(pods, &mut Vec::new());
    anyhow::ensure!(
        !pods.is_empty(),
        "no pod in namespace {} has the label {SPEAKER_PODS}",
        cluster.namespace
    );
    let answers = join_all(pods.iter().map(|pod| lines(&cluster, pod))).await;
    let (mut all, mut silent) = (Vec::new(), Vec::new());
    for (pod, answer) in pods.iter().zip(answers) {
        let node = pod.node().unwrap_or_else(|| NodeName::from(""));
        match answer {
            Ok(lines) => all.extend(lines.into_iter().map(|line| Told::by(&node, line))),
            Err(error) => silent.push(Silent {
                node,
                pod: pod.name_any(),
                why: format!("{error:#}"),
            }),
        }
    }
    let mut history = merged(all);
    history.retain(|told| {
        from_unix_ms.is_none_or(|from| told.line.at_unix_ms >= from)
            && about.as_ref().is_none_or(|about| about.is_in(&told.line))
    });
    Ok(History { history, silent })
}

/// What this speaker remembers.
async fn lines(cluster: &Cluster, pod: &Pod) -> anyhow::Result<Vec<Line>> {
    let answer = asking::ask(cluster, pod, history::PATH).await;
    let answer = answer.map_err(|error| match error {
        AskError::Refused { status, .. } if status == http::StatusCode::NOT_FOUND => {
            anyhow::anyhow!("it is of a version that keeps no history")
        }
        other => other.into(),
    })?;
    serde_json::from_slice(&answer).context("its answer cannot be read")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("90s", Some(90))]
    #[case("10m", Some(600))]
    #[case("1h30m", Some(5_400))]
    #[case("10", None)]
    #[case("-10m", None)]
    #[case("soon", None)]
    fn a_time_has_units(#[case] text: &str, #[case] seconds: Option<i64>) {
        assert_eq!(duration(text).ok().map(|time| time.as_secs()), seconds);
    }
}
