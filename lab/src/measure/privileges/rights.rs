//! The roles as they are shipped, and without one verb.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::error::Result;
use crate::lab::Lab;
use crate::program::NAMESPACE;
use crate::source;

/// One verb of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Right {
    /// `controller` or `speaker`.
    pub daemon: String,
    /// `ClusterRole` or `Role`.
    pub kind: String,
    /// From 0, in the order of the role.
    pub rule: usize,
    /// With subresources, and the names of objects that the rule is limited to, as in `secrets/memberlist`.
    pub resources: Vec<String>,
    /// As in RBAC.
    pub verb: String,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (daemon, kind, verb) = (&self.daemon, &self.kind, &self.verb);
        write!(f, "{daemon} {kind} {}: {verb}", self.resources.join(", "))
    }
}

/// The four roles.
pub(super) struct Roles(Vec<Value>);

impl Roles {
    /// Applies `deploy/*-rbac.yaml` and reads the roles.
    pub(super) fn shipped(lab: &Lab) -> Result<Self> {
        let mut roles = Vec::new();
        for daemon in ["controller", "speaker"] {
            let file = source::root().join(format!("deploy/{daemon}-rbac.yaml"));
            let file = file.to_string_lossy();
            lab.kubectl(&["apply", "-f", &file])?;
            let listed = lab.json(&["get", "-f", &file])?;
            let items = listed["items"].as_array().into_iter().flatten();
            roles.extend(items.filter(|object| object["rules"].is_array()).cloned());
        }
        Ok(Self(roles))
    }

    pub(super) fn rights(&self) -> Vec<Right> {
        let of_role = |role: &Value| -> Vec<Right> {
            let rules = role["rules"].as_array().into_iter().flatten().enumerate();
            rules
                .flat_map(|(number, rule)| {
                    words(&rule["verbs"]).into_iter().map(move |verb| Right {
                        daemon: daemon(role),
                        kind: role["kind"].as_str().unwrap_or_default().to_owned(),
                        rule: number,
                        resources: resources(rule),
                        verb,
                    })
                })
                .collect()
        };
        self.0.iter().flat_map(of_role).collect()
    }

    /// Stores the role without it.
    pub(super) fn without(&self, lab: &Lab, right: &Right) -> Result<()> {
        let mut role = self.of(right).clone();
        if let Some(verbs) = role["rules"][right.rule]["verbs"].as_array_mut() {
            verbs.retain(|verb| verb != right.verb.as_str());
        }
        // The API server refuses a rule without verbs.
        if let Some(rules) = role["rules"].as_array_mut() {
            rules.retain(|rule| rule["verbs"].as_array().is_some_and(|verbs| !verbs.is_empty()));
        }
        put(lab, &role)
    }

    pub(super) fn restore(&self, lab: &Lab, right: &Right) -> Result<()> {
        put(lab, self.of(right))
    }

    fn of(&self, right: &Right) -> &Value {
        let is_it = |role: &&Value| role["kind"] == right.kind.as_str() && daemon(role) == right.daemon;
        self.0
            .iter()
            .find(is_it)
            .expect("the right is of one of the roles")
    }
}

fn put(lab: &Lab, role: &Value) -> Result<()> {
    let mut patch = role.clone();
    for field in ["resourceVersion", "uid", "managedFields", "creationTimestamp"] {
        if let Some(metadata) = patch["metadata"].as_object_mut() {
            metadata.remove(field);
        }
    }
    lab.kubectl_program()
        .run_with_input(&["replace", "-f", "-"], &patch.to_string(), crate::command::USUAL)
        .map(drop)
}

fn daemon(role: &Value) -> String {
    let name = role["metadata"]["name"].as_str().unwrap_or_default();
    name.trim_start_matches(&format!("{NAMESPACE}:")).to_owned()
}

fn words(list: &Value) -> Vec<String> {
    let words = list.as_array().into_iter().flatten();
    words
        .filter_map(|word| word.as_str().map(str::to_owned))
        .collect()
}

/// With the names that the rule is limited to.
fn resources(rule: &Value) -> Vec<String> {
    let names = words(&rule["resourceNames"]);
    let named = |resource: String| -> Vec<String> {
        match names.is_empty() {
            true => vec![resource],
            false => names.iter().map(|name| format!("{resource}/{name}")).collect(),
        }
    };
    words(&rule["resources"]).into_iter().flat_map(named).collect()
}
