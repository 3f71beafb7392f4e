//! A peer that runs ExaBGP, which writes down what it is told.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use tempfile::TempDir;

use crate::programs::{Running, packages};
use crate::session::{Family, Hops, Route, Router, Session};
use crate::until;

/// ExaBGP in a namespace.
pub(crate) struct ExaBgp {
    folder: TempDir,
    _daemon: Running,
}

impl ExaBgp {
    pub(crate) fn start(namespace: &str, session: &Session) -> Self {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name).into_os_string().into_string().unwrap();
        // It takes a program for dead that has closed its output, as one does whose output is a file.
        let writer = format!("#!/bin/sh\nexec cat 3>&1 > {}\n", path("told"));
        std::fs::write(path("write"), writer).unwrap();
        std::fs::set_permissions(path("write"), std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(path("conf"), configuration(session, &path("write"))).unwrap();
        let module = format!("PYTHONPATH={}", packages().display());
        let conf = path("conf");
        let arguments = [
            module.as_str(),
            "exabgp.daemon.user=root",
            "exabgp.daemon.drop=false",
            "exabgp.log.destination=stdout",
            "exabgp.log.level=WARNING",
            "exabgp.api.cli=false",
            "/usr/bin/python3",
            "-m",
            "exabgp",
            conf.as_str(),
        ];
        let daemon = Running::start(namespace, "/usr/bin/env", &arguments, &folder.path().join("log"));
        until("ExaBGP to start its writer", || {
            folder.path().join("told").exists()
        });
        Self {
            _daemon: daemon,
            folder,
        }
    }

    /// What it was told, one message a line; the last one may not be whole yet.
    fn told(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("told")).unwrap();
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// What the messages come to.
    fn routes(&self) -> BTreeMap<String, Route> {
        let mut routes = BTreeMap::new();
        for message in self.told() {
            if message["neighbor"]["state"] == "down" {
                routes.clear();
            }
            heed(&mut routes, &message["neighbor"]["message"]["update"]);
        }
        routes
    }
}

impl Router for ExaBgp {
    fn is_up(&self) -> bool {
        let told = self.told();
        let mut states = told.iter().filter(|message| message["type"] == "state");
        states
            .next_back()
            .is_some_and(|message| message["neighbor"]["state"] == "up")
    }

    fn route(&self, prefix: &str) -> Option<Route> {
        self.routes().remove(prefix).map(Route::sorted)
    }

    fn count(&self, family: Family) -> usize {
        let routes = self.routes();
        routes
            .keys()
            .filter(|prefix| Family::of(prefix) == family)
            .count()
    }

    fn watches(&self) -> bool {
        false
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// It is told to log warnings and what is worse.
    fn is_trouble(&self, line: &str) -> bool {
        !line.is_empty() && !line.contains("environment file missing")
    }
}

/// One UPDATE.
fn heed(routes: &mut BTreeMap<String, Route>, update: &Value) {
    let entries = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for (_, prefixes) in entries(&update["withdraw"]) {
        for one in list(&prefixes) {
            routes.remove(one["nlri"].as_str().unwrap_or_default());
        }
    }
    let attribute = &update["attribute"];
    let joined = |value: &Value| -> Vec<String> {
        let parts = |one: &Value| {
            list(one)
                .iter()
                .map(Value::to_string)
                .collect::<Vec<_>>()
                .join(":")
        };
        list(value).iter().map(parts).collect()
    };
    let number = |value: &Value| value.as_u64().map(|number| number as u32);
    let route = Route {
        next_hops: Vec::new(),
        as_path: list(&attribute["as-path"]).iter().filter_map(number).collect(),
        local_pref: number(&attribute["local-preference"]),
        communities: joined(&attribute["community"]),
        large: joined(&attribute["large-community"]),
    };
    // The same routes once for each next hop.
    let mut fresh: BTreeMap<String, Route> = BTreeMap::new();
    for (_, hops) in entries(&update["announce"]) {
        for (hop, prefixes) in entries(&hops) {
            for one in list(&prefixes) {
                let prefix = one["nlri"].as_str().unwrap_or_default().to_owned();
                let entry = fresh.entry(prefix).or_insert_with(|| route.clone());
                entry.next_hops.extend(hop.parse::<IpAddr>().ok());
            }
        }
    }
    routes.extend(fresh);
}

fn configuration(session: &Session, writer: &str) -> String {
    let Session {
        router, node, remote, ..
    } = session;
    let families = session.families.iter().map(|family| match family {
        Family::V4 => "ipv4 unicast; ",
        Family::V6 => "ipv6 unicast; ",
    });
    let families: String = families.collect();
    let password = session.password.iter();
    let password: String = password.map(|one| format!("md5-password \"{one}\"; ")).collect();
    let hops = match session.hops {
        Hops::One | Hops::Several { .. } => "",
        Hops::Proven => "incoming-ttl 255; outgoing-ttl 255; ",
    };
    format!(
        "process writer {{ run {writer}; encoder json; }}\n\
         neighbor {node} {{ router-id 203.0.113.1; local-address {router}; local-as 64500; peer-as {remote}; passive; \
         listen 179; {password}{hops}\n family {{ {families} }}\n \
         api {{ processes [ writer ]; neighbor-changes; receive {{ parsed; update; }} }} }}\n"
    )
}
