//! Faults by hand: what is left broken stays so until it is mended.

use anyhow::Result;
use ferrolb_lab::{Lab, Machine, Plan};

use crate::arguments::Break;

pub(crate) fn happens(lab: &Lab, what: Break) -> Result<()> {
    let node = |said: &str| number(lab.plan(), said);
    let nodes = |said: &str| said.split(',').map(node).collect::<Result<Vec<u8>>>();
    match what {
        Break::Cut { node: said } => lab.cut(node(&said)?)?.leave(),
        Break::Boot { node: said } => lab.boot(node(&said)?)?,
        Break::Unplug { node: said } => lab.unplug(node(&said)?)?,
        Break::Plug { node: said } => lab.plug(node(&said)?)?,
        Break::Partition { left, right } => lab.partition(&nodes(&left)?, &nodes(&right)?)?.leave(),
        Break::Loss { percent } => lab.loss(percent)?.leave(),
        Break::Heal => lab.heal()?,
        Break::PauseSpeaker { node: said } => lab.pause_speaker(node(&said)?)?.leave(),
        Break::ResumeSpeaker { node: said } => lab.resume_speaker(node(&said)?)?,
        Break::KillSpeaker { node: said } => lab.kill_speaker(node(&said)?)?,
        Break::StopControlPlane => lab.stop_control_plane()?.leave(),
        Break::StartControlPlane => lab.start_control_plane()?,
        Break::KillApiServer => lab.kill_api_server()?,
        Break::StartApiServer => lab.start_api_server()?,
        Break::PauseEtcd => lab.pause_etcd()?.leave(),
        Break::ResumeEtcd => lab.resume_etcd()?,
    }
    Ok(())
}

pub(crate) fn number(plan: &Plan, said: &str) -> Result<u8> {
    match plan.machine(said)? {
        Machine::Node(number) => Ok(number),
        other => anyhow::bail!("{} is no node", other.short_name()),
    }
}
