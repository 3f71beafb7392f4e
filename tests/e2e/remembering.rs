//! `ferrolb history` and the status page say what moved, why, and how long it took.

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Machine, Result, wait};
use serde_json::Value;

use crate::page;
use crate::scene::{SOON, Scene, pool, service};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "the_history_and_the_status_page_say_why_an_address_moved_and_how_long_that_took",
        moved,
    )]
}

fn history(lab: &Lab) -> Result<Vec<Value>> {
    let text = lab.ferrolb(&["history", "svc/default/moved", "-o", "json"], SOON)?;
    let history: Value = serde_json::from_str(&text).unwrap_or_default();
    Ok(history["history"].as_array().cloned().unwrap_or_default())
}

fn moved(lab: &Lab) -> Outcome {
    let _scene = Scene::new(
        lab,
        pool("moved", "192.0.2.226/32") + &service("moved", "moved", ""),
    )?;
    let address = lab.assigned("moved", 1, SOON)?[0];
    let from = lab.announced(address, SOON, |_| true)?;
    lab.kill_speaker(from)?;
    let to = lab.announced(address, SOON, |node| node != from)?;
    let [from, to] = [from, to].map(|node| lab.node_name(node));
    let took_ms = wait::until_seen("the move to be remembered", SOON, || {
        let history = history(lab)?;
        let moves = history
            .iter()
            .filter(|line| line["what"] == "took" && line["to"] == *to);
        let known = moves.filter(|line| line["from"] == *from && line["cause"] == "SpeakerDown");
        let took_ms = known.filter_map(|line| line["took_ms"].as_u64()).next_back();
        Ok(took_ms.ok_or_else(|| format!("{history:?}")))
    })?;
    eprintln!(
        "{}",
        lab.ferrolb(&["history", "svc/default/moved", "--since", "10m"], SOON)?
    );
    let forward = page::forward(lab)?;
    // On a machine that stands still the next speaker may have been missed too.
    let last = || -> Result<(String, u64)> {
        let history = history(lab)?;
        let took = history.iter().rfind(|line| line["what"] == "took");
        let last = took.and_then(|line| Some((line["to"].as_str()?.to_owned(), line["took_ms"].as_u64()?)));
        Ok(last.unwrap_or_else(|| (to.clone(), took_ms)))
    };
    wait::until_seen("the page to say the same", SOON, || {
        let (to, took_ms) = last()?;
        let row = format!("<td>{to}</td><td>{took_ms} ms</td><td>SpeakerDown</td>");
        let page = lab.http_get_from(Machine::ControlPlane, page::URL, SOON)?;
        Ok(if page.body.contains(&row) {
            Ok(())
        } else {
            Err(format!("no {row} in {}", page.body))
        })
    })?;
    forward.kill();
    Ok(())
}
