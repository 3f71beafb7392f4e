//! The status page in a real browser.

use std::fs;

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Machine, Process, Result, browser_modules, source, wait};

use crate::scene::{PODS, SOON, Scene, event, pool, service};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "the_status_page_shows_what_is_there_follows_it_and_can_be_read_by_everybody",
        looked_at,
    )]
}

/// Set, the pictures in `docs/` are made anew.
const WRITE: &str = "FERROLB_WRITE_SNAPSHOTS";

/// As the document says.
const FORWARD: [&str; 5] = [
    "port-forward",
    "-n",
    "metallb-system",
    "deployment/controller",
    "9120",
];
pub(crate) const URL: &str = "http://localhost:9120/";

/// Forwards the port of the controller, as long as the process lives.
pub(crate) fn forward(lab: &Lab) -> Result<Process> {
    let kubectl = ferrolb_programs::cluster()?.join("kubectl");
    let kubectl = kubectl.to_string_lossy();
    let command = [&[&*kubectl], &FORWARD[..]].concat();
    let process = lab.start_process(Machine::ControlPlane, "forward", &command, &[])?;
    wait::until("the port to be forwarded", SOON, || {
        let health = format!("{URL}healthz");
        Ok(lab.http_get_from(Machine::ControlPlane, &health, SOON).ok())
    })?;
    Ok(process)
}

fn looked_at(lab: &Lab) -> Outcome {
    let there = pool("page", "192.0.2.230-192.0.2.239")
        + &service("page-1", "page", "")
        + &service("page-wrong", "no-such-pool", "");
    let _scene = Scene::new(lab, there)?;
    event(lab, "page-wrong", "AllocationFailed", &["no-such-pool"])?;
    let forward = forward(lab)?;
    let pictures = match std::env::var_os(WRITE) {
        Some(_) => source::root().join("docs/pictures"),
        None => lab.state().folder().join("pictures"),
    };
    fs::create_dir_all(&pictures)?;
    let script = source::root().join("tests/page/look.mjs");
    let modules = browser_modules()?;
    let command = [
        "node",
        &*script.to_string_lossy(),
        URL,
        "default/page-1",
        "default/page-2",
        &pictures.to_string_lossy(),
    ];
    let variables = [("FERROLB_PAGE_MODULES", &*modules.to_string_lossy())];
    let mut browser = lab.start_process(Machine::ControlPlane, "browser", &command, &variables)?;
    let log = lab.state().log("browser");
    let said = || fs::read_to_string(&log).unwrap_or_default();
    wait::until_seen("the page to be open", PODS, || {
        let said = said();
        Ok(said.lines().any(|line| line == "open").then_some(()).ok_or(said))
    })?;
    let _later = Scene::new(lab, service("page-2", "page", ""))?;
    let verdict = wait::until_seen("the browser to be done", PODS, || {
        let said = said();
        let last = said.lines().last().filter(|line| line.starts_with("done: "));
        Ok(last.map(str::to_owned).ok_or_else(|| said.clone()))
    })?;
    browser.ended()?;
    forward.kill();
    eprintln!("{}", said());
    assert_eq!(verdict, "done: 0 wrong", "{}", said());
    Ok(())
}
