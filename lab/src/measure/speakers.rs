//! The speakers under test, as pods or as plain processes.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::error::Result;
use crate::lab::Lab;
use crate::plan::Machine;
use crate::process::Process;
use crate::program::{Implementation, NAMESPACE, Running};
use crate::source;

const ATTEMPT: Duration = Duration::from_secs(1);

type Ready = std::result::Result<(), String>;

pub(super) enum Speakers {
    Pods,
    Plain(Plain),
}

pub(super) struct Plain {
    command: String,
    variables: Vec<(String, String)>,
    controller: Process,
    running: BTreeMap<u8, Process>,
    /// They are this tree's, and say at a port when they are ready.
    are_ours: bool,
}

/// Deletes the pod of the node's speaker; another takes its place.
pub(super) fn delete_pod(lab: &Lab, node: u8) -> Result<()> {
    let on_node = format!("--field-selector=spec.nodeName={}", lab.node_name(node));
    let delete = [
        "delete",
        "pod",
        "-n",
        NAMESPACE,
        "-l",
        "component=speaker",
        &on_node,
    ];
    lab.kubectl(&delete).map(drop)
}

impl Speakers {
    /// Starts a controller, and a speaker in each node.
    pub(super) fn plain(
        lab: &Lab,
        implementation: &Implementation,
        variables: &[(String, String)],
    ) -> Result<Self> {
        let part = |given: &Option<String>, part: &str| match given {
            Some(command) => Ok(command.clone()),
            None => Ok(format!("{} {part}", source::static_program("ferrolb")?.display())),
        };
        lab.apply_definitions(implementation.manifests.clone())?;
        let controller = part(&implementation.controller, "controller")?;
        let mut plain = Plain {
            command: part(&implementation.speaker, "speaker")?,
            variables: variables.to_vec(),
            controller: lab.start_controller("controller", &controller, &[])?,
            running: BTreeMap::new(),
            are_ours: implementation.speaker.is_none(),
        };
        lab.plan().nodes().try_for_each(|node| plain.start(lab, node))?;
        Ok(Self::Plain(plain))
    }

    /// Installs this tree in a lab made for it; in another, takes what is there.
    pub(super) fn pods(lab: &Lab, variables: &[(String, String)], is_own: bool) -> Result<Self> {
        if is_own {
            lab.install()?;
        }
        if !variables.is_empty() {
            let set = |(name, value): &(String, String)| format!("{name}={value}");
            let values: Vec<String> = variables.iter().map(set).collect();
            let mut arguments = vec!["set", "env", "daemonset/speaker", "-n", NAMESPACE];
            arguments.extend(values.iter().map(String::as_str));
            lab.kubectl(&arguments)?;
            lab.rolled_out(NAMESPACE, "daemonset/speaker")?;
        }
        Ok(Self::Pods)
    }

    /// Starts the plain speaker of a node again; a pod's the kubelet starts.
    pub(super) fn start_again(&mut self, lab: &Lab, node: u8) -> Result<()> {
        match self {
            Self::Plain(plain) => plain.start(lab, node),
            Self::Pods => Ok(()),
        }
    }

    /// Starts a speaker that was killed: a new pod, because the kubelet waits ever longer before it starts a
    /// container that ends again and again.
    pub(super) fn replace(&mut self, lab: &Lab, node: u8) -> Result<()> {
        if let Self::Plain(plain) = self {
            return plain.start(lab, node);
        }
        delete_pod(lab, node)
    }

    /// Each runs, and says that it is ready.
    pub(super) fn ready(&self, lab: &Lab) -> Ready {
        let by_port = match self {
            Self::Pods => pods_ready(lab)?,
            Self::Plain(plain) => plain.are_ours,
        };
        lab.plan().nodes().try_for_each(|node| {
            lab.speaker_pid(node).map_err(|failed| failed.to_string())?;
            if by_port { says_ready(lab, node) } else { Ok(()) }
        })
    }

    /// Asks plain processes to end and waits until they have.
    pub(super) fn stop(self) -> Result<()> {
        match self {
            Self::Pods => Ok(()),
            Self::Plain(plain) => Running {
                processes: std::iter::once(plain.controller)
                    .chain(plain.running.into_values())
                    .collect(),
            }
            .stop(),
        }
    }
}

impl Plain {
    fn start(&mut self, lab: &Lab, node: u8) -> Result<()> {
        drop(self.running.remove(&node));
        let pairs = self.variables.iter();
        let variables: Vec<_> = pairs
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let speaker = lab.start_speaker_with(node, &self.command, &variables)?;
        self.running.insert(node, speaker);
        Ok(())
    }
}

/// As the DaemonSet says; true if the speakers are this tree's.
fn pods_ready(lab: &Lab) -> std::result::Result<bool, String> {
    let listed = lab.json(&["get", "daemonset", "speaker", "-n", NAMESPACE]);
    let listed = listed.map_err(|failed| failed.to_string())?;
    let status = &listed["status"];
    let wanted = &status["desiredNumberScheduled"];
    if status["numberReady"] != *wanted || status["updatedNumberScheduled"] != *wanted {
        return Err(status.to_string());
    }
    let image = listed["spec"]["template"]["spec"]["containers"][0]["image"].as_str();
    Ok(image.is_some_and(|image| image.contains("ferrolb")))
}

/// At the port of this tree's speakers.
pub(in crate::measure) fn says_ready(lab: &Lab, node: u8) -> Ready {
    let url = "http://127.0.0.1:9120/readyz";
    match lab.http_get_from(Machine::Node(node), url, ATTEMPT) {
        Ok(answer) if answer.status == 200 => Ok(()),
        Ok(answer) => Err(format!("n{node}: {} {}", answer.status, answer.body)),
        Err(failed) => Err(format!("n{node}: {failed}")),
    }
}
