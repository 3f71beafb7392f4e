//! What the daemons live through: a start without a key, a new Service, a router, an edit that is wrong, the death of a holder, its
//! return, and the end.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use super::routed;
use crate::error::{Doing, Error, Result};
use crate::lab::Lab;
use crate::measure::holding;
use crate::plan::Machine;
use crate::process::Process;
use crate::program::NAMESPACE;
use crate::wait;

/// How long a step may take that works. With all rights each takes less than a second.
const STEP: Duration = Duration::from_secs(8);
const ATTEMPT: Duration = Duration::from_secs(2);
const SERVICE: &str = "held-0";
const WRONG: &str = "10.100.0.0/24";
const RIGHT: &str = "10.101.0.0/24";
/// How many Services there are, each with one address: enough that the statuses of a dead node go by one request.
const SERVICES: u16 = 8;

fn pool(addresses: &str) -> String {
    format!(
        r#"
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {{name: wrong, namespace: {NAMESPACE}}}
spec: {{addresses: [{addresses}]}}
"#
    )
}

pub(super) struct Script<'a> {
    lab: &'a Lab,
    program: String,
}

/// What was seen of one run.
pub(super) struct Seen {
    /// Requests of the two accounts.
    pub(super) refused: usize,
    pub(super) breaks: Vec<String>,
}

struct Daemons {
    controller: Process,
    speakers: Vec<(u8, Process)>,
}

impl<'a> Script<'a> {
    /// Gives each account a token.
    pub(super) fn new(lab: &'a Lab, program: &str) -> Result<Self> {
        for daemon in ["controller", "speaker"] {
            let token = lab.kubectl(&["create", "token", daemon, "-n", NAMESPACE, "--duration=8h"])?;
            let admin = lab.state().kubeconfig(daemon);
            let text = fs::read_to_string(&admin).doing(|| format!("read {}", admin.display()))?;
            let mut config: Value = serde_json::from_str(&text).doing(|| "read a kubeconfig".into())?;
            config["users"][0]["user"]["token"] = token.trim().into();
            let own = lab.state().kubeconfig(&format!("{daemon}-account"));
            fs::write(&own, config.to_string()).doing(|| format!("write {}", own.display()))?;
        }
        Ok(Self {
            lab,
            program: program.to_owned(),
        })
    }

    /// One run; what is missing in the end is no error.
    pub(super) fn run(&self) -> Result<Seen> {
        self.clean()?;
        let audit = self.length("audit");
        let logs: Vec<(&str, u64)> = ["controller", "speaker-n1", "speaker-n2"]
            .map(|log| (log, self.length(log)))
            .into();
        let mut breaks = Vec::new();
        let mut daemons = self.start()?;
        self.live(&mut daemons, &mut breaks)?;
        self.stop(daemons)?;
        let refused = self.refused(audit);
        if refused > 0 || !breaks.is_empty() {
            breaks.extend(logs.iter().filter_map(|(log, from)| self.complaint(log, *from)));
        }
        Ok(Seen { refused, breaks })
    }

    fn clean(&self) -> Result<()> {
        let lab = self.lab;
        let kinds = "secrets,leases,servicel2statuses,configurationstates,ipaddresspools,l2advertisements,configmaps,\
                     bgppeers,bgpadvertisements,servicebgpstatuses,bgpsessionstates";
        lab.kubectl(&["delete", kinds, "-n", NAMESPACE, "--all"])?;
        lab.kubectl(&["delete", "events", "-A", "--all"])?;
        lab.kubectl(&["delete", "services,endpointslices", "-l", "set=measured"])
            .map(drop)
    }

    fn start(&self) -> Result<Daemons> {
        let controller = self.lab.state().kubeconfig("controller-account");
        let controller = controller.to_string_lossy();
        let command = format!("{} controller", self.program);
        Ok(Daemons {
            controller: self
                .lab
                .start_controller("controller", &command, &[("KUBECONFIG", &controller)])?,
            speakers: [1, 2]
                .into_iter()
                .map(|node| Ok((node, self.speaker(node)?)))
                .collect::<Result<_>>()?,
        })
    }

    fn speaker(&self, node: u8) -> Result<Process> {
        let config = self.lab.kubeconfig_of("speaker-account", Machine::Node(node));
        let command = format!("{} speaker --hold-down-seconds=0", self.program);
        let config = config.to_string_lossy();
        self.lab
            .start_speaker_with(node, &command, &[("KUBECONFIG", &config)])
    }

    fn live(&self, daemons: &mut Daemons, breaks: &mut Vec<String>) -> Result<()> {
        let lab = self.lab;
        let ready = |machine| self.ready(machine);
        self.expect(breaks, "controller ready", || ready(Machine::ControlPlane));
        self.expect(breaks, "speakers ready", || {
            ready(Machine::Node(1)).and_then(|()| ready(Machine::Node(2)))
        });
        self.expect(breaks, "Secret memberlist", || {
            self.there(&["secret", "memberlist", "-n", NAMESPACE])
        });
        let given: Value =
            serde_json::from_str(&holding::configuration()).doing(|| "read the pool".into())?;
        let given = given["items"].as_array().into_iter().flatten().cloned();
        let configuration = given.filter(|one| one["kind"] != "Secret");
        let services =
            (0..SERVICES).flat_map(|number| [holding::service(number), holding::endpoints(number, None)]);
        lab.apply(&holding::list(configuration.clone().chain(services)))?;
        self.expect(breaks, "address", || {
            self.field("service", SERVICE, "{.status.loadBalancer.ingress[0].ip}", "")
        });
        let condition =
            |name: &str| format!("{{.status.conditions[?(@.type==\"ferrolb.io/{name}\")].status}}");
        self.expect(breaks, "condition Assigned", || {
            self.field("service", SERVICE, &condition("Assigned"), "True")
        });
        self.expect(breaks, "condition Announced", || {
            self.field("service", SERVICE, &condition("Announced"), "True")
        });
        let node = "{.items[0].status.node}";
        self.expect(breaks, "ServiceL2Status", || {
            self.field("servicel2statuses", "", node, "")
        });
        self.expect(breaks, "holder on the status page", || self.on_the_page());
        self.route(breaks)?;
        let used = "{.status.assignedIPv4}";
        self.expect(breaks, "pool status", || {
            self.field("ipaddresspool", "measured", used, &SERVICES.to_string())
        });
        for source in ["metallb-controller", "metallb-speaker"] {
            self.expect(breaks, &format!("event of {source}"), || self.event(source));
        }
        for (addresses, result) in [(WRONG, "Invalid"), (RIGHT, "Valid"), (WRONG, "Invalid")] {
            lab.apply(&pool(addresses))?;
            for state in ["controller", "speaker-fl-"] {
                self.expect(breaks, &format!("ConfigurationState {state} {result}"), || {
                    self.result(state, result)
                });
            }
        }
        self.expect(breaks, "event of metallb-controller told again", || {
            self.series(NAMESPACE, "metallb-controller")
        });
        // Announced again, the Services are told of by the same words.
        lab.kubectl(&["delete", "l2advertisements", "-n", NAMESPACE, "--all"])?;
        self.expect(breaks, "condition Announced False", || {
            self.field("service", SERVICE, &condition("Announced"), "False")
        });
        lab.apply(&holding::list(configuration.clone()))?;
        self.expect(breaks, "event of metallb-speaker told again", || {
            self.series("default", "metallb-speaker")
        });
        self.fail_over(daemons, breaks)
    }

    /// Both nodes hold a session, tell the router of the Services, and stop both.
    fn route(&self, breaks: &mut Vec<String>) -> Result<()> {
        self.lab.apply(&routed::objects())?;
        let each = |status: &str| vec![status; self.lab.plan().nodes().count()].join(" ");
        let of_all = |kind: &str, path: &str, wanted: &str| {
            let said = self.words(kind, path)?;
            (said == wanted).then_some(()).ok_or(said)
        };
        self.expect(breaks, "BGPSessionState Established of each node", || {
            of_all(
                "bgpsessionstates",
                "{.items[*].status.bgpStatus}",
                &each("Established"),
            )
        });
        let peers = "{.items[0].status.peers[0]}";
        self.expect(breaks, "ServiceBGPStatus", || {
            self.field("servicebgpstatuses", "", peers, "tor")
        });
        let name = "{.items[*].metadata.name}";
        self.lab
            .kubectl(&["delete", "bgpadvertisement", "tor", "-n", NAMESPACE])?;
        self.expect(breaks, "ServiceBGPStatus gone with its advertisement", || {
            of_all("servicebgpstatuses", name, "")
        });
        self.lab.kubectl(&["delete", "bgppeer", "tor", "-n", NAMESPACE])?;
        self.expect(breaks, "BGPSessionState gone with its peer", || {
            of_all("bgpsessionstates", name, "")
        });
        Ok(())
    }

    /// Kills the holder's speaker; another must announce, and remove what the dead one said.
    fn fail_over(&self, daemons: &mut Daemons, breaks: &mut Vec<String>) -> Result<()> {
        let holder = self.holder();
        let dead = holder.unwrap_or(1);
        let at = daemons
            .speakers
            .iter()
            .position(|(node, _)| *node == dead)
            .unwrap_or(0);
        daemons.speakers.remove(at).1.kill();
        if holder.is_some() {
            self.expect(
                breaks,
                "ServiceL2Status of the node that took over, alone",
                || {
                    let nodes = self.words("servicel2statuses", "{.items[*].status.node}")?;
                    let other = self.lab.node_name(3 - dead);
                    let expected = vec![other; SERVICES.into()].join(" ");
                    (nodes == expected).then_some(()).ok_or(nodes)
                },
            );
        }
        daemons.speakers.insert(at, (dead, self.speaker(dead)?));
        self.expect(breaks, "speaker ready again", || self.ready(Machine::Node(dead)));
        self.lab.kubectl(&["delete", "services", "-l", "set=measured"])?;
        self.expect(breaks, "ServiceL2Status gone with its Service", || {
            let left = self.words("servicel2statuses", "{.items[*].metadata.name}")?;
            left.is_empty().then_some(()).ok_or(left)
        });
        Ok(())
    }

    fn stop(&self, daemons: Daemons) -> Result<()> {
        let Daemons {
            mut controller,
            speakers,
        } = daemons;
        controller.terminate()?;
        controller.ended()?;
        drop(speakers);
        Ok(())
    }

    /// Notes what does not become true in time.
    fn expect(
        &self,
        breaks: &mut Vec<String>,
        what: &str,
        mut is: impl FnMut() -> std::result::Result<(), String>,
    ) {
        // Once something is missing, what follows from it does not deserve the whole time.
        let within = if breaks.is_empty() { STEP } else { STEP / 4 };
        if let Err(missing) = wait::until_seen(what, within, || Ok(is())) {
            let why = match missing {
                Error::Late { seen, .. } => seen.trim_start_matches("; last seen: ").to_owned(),
                other => other.to_string(),
            };
            let why: String = why.chars().take(120).collect();
            breaks.push(format!("no {what} ({})", why.trim()));
        }
    }

    fn ready(&self, machine: Machine) -> std::result::Result<(), String> {
        let answer = self
            .lab
            .http_get_from(machine, "http://127.0.0.1:9120/readyz", ATTEMPT);
        match answer {
            Ok(answer) if answer.status == 200 => Ok(()),
            Ok(answer) => Err(answer.body.replace('\n', " ")),
            Err(failed) => Err(failed.to_string()),
        }
    }

    /// That a row among the last moves names the Service: its holder is known there by `ServiceL2Status` alone.
    fn on_the_page(&self) -> std::result::Result<(), String> {
        let page = self
            .lab
            .http_get_from(Machine::ControlPlane, "http://127.0.0.1:9120/", STEP)
            .map_err(|failed| failed.to_string())?;
        let moves = page.body.split_once("<tbody id=\"moves\">");
        let is = moves.is_some_and(|(_, rows)| rows.contains(SERVICE));
        is.then_some(()).ok_or_else(|| format!("status {}", page.status))
    }

    fn there(&self, what: &[&str]) -> std::result::Result<(), String> {
        let get = self.lab.kubectl(&[&["get"], what].concat());
        get.map(drop).map_err(|_| "missing".to_owned())
    }

    fn words(&self, kind: &str, path: &str) -> std::result::Result<String, String> {
        let path = format!("jsonpath={path}");
        let get = ["get", kind, "-n", NAMESPACE, "-o", &path];
        self.lab.kubectl(&get).map_err(|failed| failed.to_string())
    }

    /// That a field says this, or anything.
    fn field(&self, kind: &str, name: &str, path: &str, wanted: &str) -> std::result::Result<(), String> {
        let namespace = if kind == "service" { "default" } else { NAMESPACE };
        let path = format!("jsonpath={path}");
        let mut get = vec!["get", kind, "-n", namespace, "-o", &path];
        get.extend(Some(name).filter(|name| !name.is_empty()));
        let said = self.lab.kubectl(&get).unwrap_or_default();
        let is = if wanted.is_empty() {
            !said.is_empty()
        } else {
            said == wanted
        };
        is.then_some(()).ok_or(said)
    }

    fn event(&self, source: &str) -> std::result::Result<(), String> {
        let path = "jsonpath={.items[*].reportingComponent}";
        let said = self
            .lab
            .kubectl(&["get", "events", "-n", "default", "-o", path])
            .unwrap_or_default();
        said.contains(source)
            .then_some(())
            .ok_or_else(|| "missing".to_owned())
    }

    fn series(&self, namespace: &str, source: &str) -> std::result::Result<(), String> {
        let path = "jsonpath={range .items[*]}{.reportingComponent}={.series.count} {end}";
        let get = ["get", "events", "-n", namespace, "-o", path];
        let said = self.lab.kubectl(&get).unwrap_or_default();
        let mut again = said.split(' ').filter_map(|one| one.split_once('='));
        let is = again.any(|(by, count)| by == source && !count.is_empty());
        is.then_some(()).ok_or(said)
    }

    fn result(&self, name: &str, result: &str) -> std::result::Result<(), String> {
        let path = "{range .items[*]}{.metadata.name}={.status.result} {end}";
        let said = self.words("configurationstates", path)?;
        let mut states = said.split(' ').filter_map(|one| one.split_once('='));
        let is = states.any(|(of, is)| of.starts_with(name) && is == result);
        is.then_some(()).ok_or(said)
    }

    fn holder(&self) -> Option<u8> {
        self.lab.node_number(
            self.words("servicel2statuses", "{.items[0].status.node}")
                .ok()?
                .trim(),
        )
    }

    fn length(&self, log: &str) -> u64 {
        fs::metadata(self.lab.state().log(log)).map_or(0, |file| file.len())
    }

    fn since(&self, log: &str, from: u64) -> String {
        let whole = fs::read(self.lab.state().log(log)).unwrap_or_default();
        let from = usize::try_from(from).unwrap_or(0).min(whole.len());
        String::from_utf8_lossy(&whole[from..]).into_owned()
    }

    /// The first line that warns of something forbidden.
    fn complaint(&self, log: &str, from: u64) -> Option<String> {
        let text = self.since(log, from);
        let line = text
            .lines()
            .find(|line| line.contains("forbidden") || line.contains("Forbidden"))?;
        let line: String = line
            .split_once(' ')
            .map_or(line, |(_, rest)| rest)
            .trim()
            .chars()
            .take(160)
            .collect();
        Some(format!("{log} says: {line}"))
    }

    /// From the audit log.
    fn refused(&self, from: u64) -> usize {
        let account = format!("system:serviceaccount:{NAMESPACE}:");
        let log = self.since("audit", from);
        let events = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let ours = events.filter(|event| {
            let user = event["user"]["username"].as_str().unwrap_or_default();
            user.starts_with(&account) && event["responseStatus"]["code"] == 403
        });
        ours.count()
    }
}
