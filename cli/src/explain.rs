//! `ferrolb explain`: why a Service has no address, or is not announced; the whole chain on one screen.
//!
//! What is decided comes from the daemons' own functions, as for `ferrolb plan`, and is compared with what they wrote.

mod advice;
pub(crate) mod case;
pub(crate) mod cause;
mod chain;
mod elsewhere;
pub(crate) mod live;
mod read;
mod render;
mod subject;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod trouble;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use ferrolb_crds::domain::ServiceKey;
use k8s_openapi::jiff::Timestamp;
use serde::Serialize;

use crate::cluster::{self, Cluster, Place};
use crate::conditions;
use crate::daemons::DaemonArgs;
use crate::plan::{self, Manifests, Output};
use crate::problem::{ObjectId, Problem};
use case::{Case, Cases, Evidence};
use cause::{Cause, Effect, causes};
use chain::Chain;
use elsewhere::Owner;
pub(crate) use subject::Subject;
use trouble::Trouble;

/// A cause was found.
const FOUND: u8 = 3;

/// Say why a Service has no address or is not announced, and what to do; or what has an address.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// svc/NAME, svc/NAMESPACE/NAME, or an address
    #[arg(value_name = "SERVICE|ADDRESS")]
    subject: Subject,

    /// Namespace of the Service; without it that of the kubeconfig's context
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,

    /// Manifest, directory of manifests (.yaml, .yml, .json), or - for standard input, instead of the cluster; may be repeated
    #[arg(short, long = "file", value_name = "DIR|FILE")]
    files: Vec<PathBuf>,

    /// Form of the answer
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,

    #[command(flatten)]
    place: Place,

    #[command(flatten)]
    daemons: DaemonArgs,
}

/// The answer, in the shape that `-o json` prints; stable, documented in `docs/explain.md`.
#[derive(Debug, Serialize)]
struct Explanation {
    subject: String,
    healthy: bool,
    /// The first line.
    headline: String,
    /// The most important one first.
    causes: Vec<Cause>,
    /// What is odd, and no cause.
    notes: Vec<String>,
    chain: Option<Chain>,
    problems: Vec<Problem>,
    /// What may not be read, each with its reason.
    unseen: Vec<String>,
}

/// Explains and prints.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let (evidence, subject, readable) = if args.files.is_empty() {
        let (evidence, subject) = cluster::block_on(in_cluster(args))?;
        (evidence, subject, true)
    } else {
        in_files(args)
    };
    let explanation = evidence.explain(&subject);
    let table = |explanation: &Explanation| render::render(explanation, evidence.now);
    let text = args.output.render(&explanation, table);
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(match (readable, explanation.healthy) {
        (false, _) => ExitCode::from(plan::UNREADABLE),
        (true, false) => ExitCode::from(FOUND),
        (true, true) => ExitCode::SUCCESS,
    })
}

async fn in_cluster(args: &Args) -> anyhow::Result<(Evidence, Subject)> {
    let cluster = Cluster::connect(&args.place.access()).await?;
    let context = cluster.client.default_namespace().to_owned();
    let subject = args
        .subject
        .clone()
        .within(args.namespace.as_ref().unwrap_or(&context));
    let evidence = read::read(&cluster, &subject, args.daemons.options()).await?;
    Ok((evidence, subject))
}

fn in_files(args: &Args) -> (Evidence, Subject, bool) {
    let mut manifests = Manifests::read(&args.files, &args.place.installation);
    for fault in &manifests.faults {
        eprintln!("ferrolb explain: {fault}");
    }
    manifests.fill_in(&[]);
    let evidence = Evidence {
        objects: manifests.objects,
        problems: manifests.problems,
        live: None,
        options: args.daemons.options(),
        now: Timestamp::now(),
    };
    let namespace = args.namespace.as_deref().unwrap_or("default");
    (
        evidence,
        args.subject.clone().within(namespace),
        manifests.faults.is_empty(),
    )
}

/// The explanations, as for people, of the Services of ours with a cause, at most so many; and of how many not.
pub(crate) fn of_trouble(evidence: &Evidence, most: usize) -> (String, usize) {
    let cases = Cases::of(evidence);
    let is_trouble = |case: &Case<'_>| causes(case).iter().any(|cause| cause.effect != Effect::NotServed);
    let troubled: Vec<Case<'_>> = cases.all().filter(is_trouble).collect();
    let explained = troubled.iter().take(most).map(|case| {
        let explanation = evidence.with_case(case);
        render::render(&explanation, evidence.now)
    });
    (
        explained.collect::<Vec<_>>().join("\n"),
        troubled.len().saturating_sub(most),
    )
}

impl Evidence {
    fn explain(&self, subject: &Subject) -> Explanation {
        let key = match subject {
            Subject::Service { namespace, name } => {
                ServiceKey::new(namespace.as_deref().unwrap_or_default(), name.as_str())
            }
            Subject::Address(address) => match self.owner(*address) {
                Owner::Service(key) => key,
                Owner::Other(trouble) => return self.without_a_case(address.to_string(), &trouble),
            },
        };
        let cases = Cases::of(self);
        match cases.case(&key) {
            Some(case) => self.with_case(&case),
            None => self.without_a_case(key.to_string(), &self.unread(key)),
        }
    }

    fn with_case(&self, case: &Case<'_>) -> Explanation {
        let key = case.view.key.to_string();
        let causes = causes(case);
        let chain = Chain::of(case);
        let headline = match causes.first() {
            Some(cause) => blame(&key, cause, case.addresses().len()),
            None => praise(&key, &chain),
        };
        Explanation {
            headline,
            notes: case.notes(),
            problems: case.problems(),
            chain: Some(chain),
            ..self.of_causes(key, causes)
        }
    }

    fn without_a_case(&self, subject: String, trouble: &Trouble) -> Explanation {
        let cause = Cause::trouble(Effect::NotServed, trouble);
        Explanation {
            headline: blame(&subject, &cause, 0),
            ..self.of_causes(subject, vec![cause])
        }
    }

    fn of_causes(&self, subject: String, causes: Vec<Cause>) -> Explanation {
        Explanation {
            subject,
            healthy: causes.is_empty(),
            headline: String::new(),
            causes,
            notes: Vec::new(),
            chain: None,
            problems: self.problems.clone(),
            unseen: self
                .live
                .iter()
                .flat_map(|live| live.unseen.values().cloned())
                .collect(),
        }
    }

    /// Why there is no case of this Service.
    fn unread(&self, key: ServiceKey) -> Trouble {
        let id = ObjectId::new("Service", &*key.namespace, &*key.name);
        match self.problems.iter().find(|problem| problem.object == id) {
            Some(problem) => Trouble::Unreadable(problem.message.clone()),
            None => Trouble::NotFound(key),
        }
    }
}

/// The first line where something is wrong. Addresses are named if it does not concern all.
fn blame(subject: &str, cause: &Cause, addresses: usize) -> String {
    let Cause {
        effect,
        reason,
        message,
        ..
    } = cause;
    let at = match cause.addresses.as_slice() {
        some if !some.is_empty() && some.len() < addresses => {
            let some: Vec<String> = some.iter().map(ToString::to_string).collect();
            format!(" at {}", some.join(", "))
        }
        _ => String::new(),
    };
    format!("{subject} {effect}{at} ({reason}): {message}")
}

/// The first line where nothing is wrong.
fn praise(subject: &str, chain: &Chain) -> String {
    // Only the speakers know which sessions are up.
    if let Some(said) = chain
        .announced
        .as_ref()
        .filter(|said| conditions::tells_of_bgp(said))
    {
        return format!("{subject} is announced: {}", said.message);
    }
    let of_link = |link: &chain::Link| {
        let (address, holders) = (link.address, &link.holders);
        match (&link.would_hold, holders.as_slice()) {
            (Some(node), _) => format!("{address} from node {node}"),
            (None, []) if link.bgp.is_some() => {
                let told = link.bgp.as_ref().map(render::bgp).unwrap_or_default();
                format!("{address} by BGP {told}")
            }
            (None, holders) => {
                let holders: Vec<String> = holders.iter().map(render::on).collect();
                format!("{address} from {}", holders.join(" and "))
            }
        }
    };
    let links: Vec<String> = chain.addresses.iter().map(of_link).collect();
    let would = |link: &chain::Link| link.would_hold.is_some() || link.bgp.is_some();
    let would = chain.addresses.iter().any(would);
    let is = if would { "would be" } else { "is" };
    format!("{subject} {is} announced: {}", links.join("; "))
}
