//! What breaks: controllers, the API server, its database.

use std::time::{Duration, Instant};

use ferrolb_lab::Lab;
use ferrolb_lab::suite::{Outcome, Trial, trial};

use crate::gate::Gate;
use crate::pair::Pair;
use crate::scene::{
    AFTER_EXPIRY, SOON, Scene, all_different, decided, holdings, pool, reason, service, versions,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("five_restarts_change_nothing", restarts),
        trial(
            "both_controllers_killed_in_turn_lose_no_creation_and_give_no_address_twice",
            killed_in_turn,
        ),
        trial(
            "an_api_server_that_is_killed_and_starts_again_changes_nothing",
            api_server,
        ),
        trial(
            "a_controller_cut_off_from_the_api_server_asks_seldom_and_is_prompt_afterwards",
            cut_off,
        ),
        trial("a_database_that_stands_still_for_30_s_changes_nothing", database),
    ]
}

/// Assigned, shared and pending Services; all that could be served are.
fn mixed(lab: &Lab) -> Result<Scene<'_>, ferrolb_lab::Error> {
    let shared = "metallb.io/allow-shared-ip: key, metallb.io/loadBalancerIPs: 192.0.2.150";
    let second = "ports: [{name: other, port: 81}]";
    let both = "ipFamilyPolicy: RequireDualStack";
    let manifests = pool(
        "mixed",
        r#"192.0.2.150-192.0.2.152, "2001:db8::50-2001:db8::52""#,
        "",
    ) + &service("shared-1", shared, "")
        + &service("shared-2", shared, second)
        + &service("alone", "", "")
        + &service("dual", "", both);
    let scene = Scene::new(lab, manifests)?;
    for (name, count) in [("shared-1", 1), ("shared-2", 1), ("alone", 1), ("dual", 2)] {
        lab.assigned(name, count, SOON)?;
    }
    Ok(scene)
}

fn restarts(lab: &Lab) -> Outcome {
    let mut pair = Pair::single(lab)?;
    let _mixed = mixed(lab)?;
    let _pending = Scene::new(lab, service("pending", "", ""))?;
    reason(lab, "pending", "NoAddress", SOON)?;
    let before = versions(lab)?;
    for round in 0..5 {
        // Ended as a rolling update does, and as a kernel without memory does.
        if round % 2 == 0 {
            pair.stop_leader()?;
        } else {
            pair.kill_leader()?;
        }
        drop(pair);
        pair = Pair::single(lab)?;
        drop(decided(lab, &format!("restarted-{round}"), SOON)?);
        let after = versions(lab)?;
        assert!(
            before.is_subset(&after),
            "round {round}: {before:?}, then {after:?}"
        );
    }
    Ok(())
}

fn killed_in_turn(lab: &Lab) -> Outcome {
    const ROUNDS: usize = 4;
    const EACH: usize = 50;
    let mut pair = Pair::start(lab)?;
    let _pool = Scene::new(lab, pool("busy", "198.51.100.0/24", ""))?;
    let mut scenes = Vec::new();
    for round in 0..ROUNDS {
        let services = (0..EACH).map(|number| service(&format!("r{round}-{number}"), "", ""));
        let (first, second): (Vec<_>, Vec<_>) = services.enumerate().partition(|(at, _)| at % 2 == 0);
        let half = |some: Vec<(usize, String)>| some.into_iter().map(|(_, text)| text).collect::<String>();
        let creating = half(first);
        scenes.push(std::thread::scope(|scope| {
            let created = scope.spawn(move || Scene::new(lab, creating));
            let killed = if round < 2 {
                pair.kill_leader()
            } else {
                pair.stop_leader()
            };
            killed.and(created.join().expect("creating does not panic"))
        })?);
        pair.start_missing()?;
        scenes.push(Scene::new(lab, half(second))?);
    }
    all_different(lab, ROUNDS * EACH, AFTER_EXPIRY)?;
    Ok(())
}

fn api_server(lab: &Lab) -> Outcome {
    let _pair = Pair::start(lab)?;
    let _mixed = mixed(lab)?;
    let before = holdings(lab)?;
    lab.kill_api_server()?;
    lab.start_api_server()?;
    drop(decided(lab, "after-api-server", AFTER_EXPIRY)?);
    assert_eq!(holdings(lab)?, before);
    Ok(())
}

fn cut_off(lab: &Lab) -> Outcome {
    const OUTAGE: Duration = Duration::from_secs(120);
    /// Watches of Services, Namespaces, Nodes, pools, advertisements, the Lease and the ConfigurationState. Each tries again
    /// after 7.5 s at least, but for the first seven times.
    const WATCHES: usize = 7;
    const OF_A_WATCH: usize = 7 + 16;
    /// A candidate asks for the Lease after 1 s at least.
    const OF_THE_CANDIDATE: usize = 120;
    /// Writes and events that were under way.
    const OTHERS: usize = 20;
    let gate = Gate::new(lab)?;
    let kubeconfig = Gate::kubeconfig(lab)?.display().to_string();
    let _pair = Pair::single_with(lab, &[("KUBECONFIG", &kubeconfig)])?;
    let _mixed = mixed(lab)?;
    let before = holdings(lab)?;
    gate.shut();
    std::thread::sleep(OUTAGE);
    let asked = gate.refused();
    gate.reopen();
    assert!(
        asked <= WATCHES * OF_A_WATCH + OF_THE_CANDIDATE + OTHERS,
        "asked {asked} times in {OUTAGE:?}"
    );
    drop(decided(lab, "after-outage", AFTER_EXPIRY)?);
    assert_eq!(holdings(lab)?, before);
    Ok(())
}

fn database(lab: &Lab) -> Outcome {
    const STANDSTILL: Duration = Duration::from_secs(30);
    let _pair = Pair::start(lab)?;
    let _mixed = mixed(lab)?;
    let before = holdings(lab)?;
    {
        let _paused = lab.pause_etcd()?;
        let began = Instant::now();
        std::thread::sleep(STANDSTILL.saturating_sub(began.elapsed()));
    }
    drop(decided(lab, "after-standstill", AFTER_EXPIRY)?);
    assert_eq!(holdings(lab)?, before);
    Ok(())
}
