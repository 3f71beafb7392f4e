//! Faults of the control plane.

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Result};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "nobody_answers_for_a_killed_api_server_and_it_comes_back_with_everything",
            killed,
        ),
        trial(
            "an_api_server_cannot_be_killed_twice_nor_started_while_it_runs",
            twice,
        ),
        trial(
            "nothing_is_written_while_etcd_is_paused_and_all_is_well_after",
            paused,
        ),
        trial(
            "without_api_server_and_etcd_nobody_answers_until_both_are_started",
            stopped,
        ),
        trial("etcd_goes_on_when_its_pause_is_dropped", dropped),
    ]
}

fn kept(lab: &Lab, name: &str) -> Result<String> {
    lab.kubectl(&["get", "configmap", name, "-o", "jsonpath={.data.is}"])
}

fn keep(lab: &Lab, name: &str) -> Result<()> {
    let create = [
        "create",
        "configmap",
        name,
        "--from-literal=is=kept",
        "--request-timeout=2s",
    ];
    lab.kubectl(&create).map(drop)
}

fn killed(lab: &Lab) -> Outcome {
    keep(lab, "before-kill")?;
    lab.kill_api_server()?;
    assert!(kept(lab, "before-kill").is_err(), "nobody answers");
    lab.start_api_server()?;
    assert_eq!(kept(lab, "before-kill")?, "kept");
    keep(lab, "after-kill")?;
    assert_eq!(kept(lab, "after-kill")?, "kept");
    Ok(())
}

fn twice(lab: &Lab) -> Outcome {
    assert!(lab.start_api_server().is_err(), "it runs");
    lab.kill_api_server()?;
    assert!(lab.kill_api_server().is_err(), "it is dead");
    Ok(lab.start_api_server()?)
}

fn paused(lab: &Lab) -> Outcome {
    let pause = lab.pause_etcd()?;
    assert!(keep(lab, "during-pause").is_err(), "nobody stores it");
    pause.mend()?;
    keep(lab, "after-pause")?;
    assert_eq!(kept(lab, "after-pause")?, "kept");
    Ok(())
}

fn stopped(lab: &Lab) -> Outcome {
    keep(lab, "before-stop")?;
    let stop = lab.stop_control_plane()?;
    assert!(kept(lab, "before-stop").is_err(), "nobody answers");
    assert!(lab.resume_etcd().is_err(), "etcd is dead, too");
    stop.mend()?;
    assert_eq!(kept(lab, "before-stop")?, "kept");
    assert!(lab.start_control_plane().is_err(), "it runs");
    Ok(())
}

fn dropped(lab: &Lab) -> Outcome {
    drop(lab.pause_etcd()?);
    keep(lab, "after-drop")?;
    lab.pause_etcd()?.leave();
    assert!(keep(lab, "while-left").is_err(), "the pause was left");
    lab.resume_etcd()?;
    keep(lab, "after-left").map_err(Into::into)
}
