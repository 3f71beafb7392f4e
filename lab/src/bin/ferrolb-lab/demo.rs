//! The demo for a person: stage by stage, and how to go on.

use anyhow::Result;
use ferrolb_lab::Lab;
use ferrolb_programs::progress::{OF_THE_DEMO, Progress};

use crate::arguments::Size;
use crate::config;

const FURTHER: &str = "\
To look around yourself:
  sudo target/x86_64-unknown-linux-gnu/quick/ferrolb-lab up        # the same cluster, and it stays
  sudo target/x86_64-unknown-linux-gnu/quick/ferrolb-lab install
  sudo target/x86_64-unknown-linux-gnu/quick/ferrolb-lab kubectl apply -f $PWD/deploy/examples/
  sudo target/x86_64-unknown-linux-gnu/quick/ferrolb-lab kubectl get services
  sudo target/x86_64-unknown-linux-gnu/quick/ferrolb-lab down
`make tour` walks through all that a Service can be; lab/README.md lists what can be broken.";

/// The lab goes with the value, whatever happens on the way.
pub(crate) fn show(name: &str, size: Size) -> Result<()> {
    let progress = Progress::of(OF_THE_DEMO);
    let stage = |what: &str| progress.begin(what);
    let running = stage(&format!("Kubernetes with {} nodes", size.nodes));
    let lab = Lab::up(&config(name, size))?;
    drop(running);
    let running = stage("FerroLB installed, its pods Ready");
    lab.install()?;
    drop(running);
    let running = stage("the examples have addresses that answer");
    let table = lab.demonstrate()?;
    drop(running);
    let running = stage("everything removed");
    lab.down()?;
    drop(running);
    println!("\n{table}\n{FURTHER}");
    Ok(())
}
