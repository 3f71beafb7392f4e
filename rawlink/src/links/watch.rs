//! Keeps a table up to date.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::{Receiver, Sender, channel};
use tokio::time::{Instant, sleep, sleep_until};

use super::LinkTable;
use super::netlink::{Conversation, LinkError};

/// The first change of a burst is seen at once; the rest of it costs at most one list per this time.
const LIST_INTERVAL: Duration = Duration::from_millis(10);

const FIRST_BACK_OFF: Duration = Duration::from_millis(50);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(5);

/// Subscribes to the events of the interfaces of the current network namespace, lists them, and lists them again
/// after each burst of events. A table is published only if it differs from the one before. If events were lost or
/// the socket failed, it subscribes anew and lists everything. Must be called within a runtime with time enabled;
/// the task that it starts there ends when all receivers are dropped.
///
/// # Errors
/// If the first subscription or list fails. Later failures are logged and tried again.
pub async fn watch() -> Result<Receiver<LinkTable>, LinkError> {
    let conversation = Conversation::subscribe()?;
    let (sender, receiver) = channel(conversation.list().await?);
    tokio::spawn(async move {
        tokio::select! {
            () = sender.closed() => {}
            () = follow_forever(conversation, &sender) => {}
        }
    });
    Ok(receiver)
}

async fn follow_forever(mut conversation: Conversation, sender: &Sender<LinkTable>) {
    loop {
        if let Err(error) = follow(conversation, sender).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "lost the events of the interfaces"
            );
        }
        conversation = subscribe_again(sender).await;
    }
}

/// Ends when events were lost.
async fn follow(mut conversation: Conversation, sender: &Sender<LinkTable>) -> Result<(), LinkError> {
    loop {
        let listed = Instant::now();
        if !conversation.changed().await {
            return Ok(());
        }
        publish(sender, conversation.list().await?);
        sleep_until(listed + LIST_INTERVAL).await;
    }
}

async fn subscribe_again(sender: &Sender<LinkTable>) -> Conversation {
    let mut back_off = FIRST_BACK_OFF;
    loop {
        match start(sender).await {
            Ok(conversation) => return conversation,
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                ?back_off,
                "cannot follow the interfaces"
            ),
        }
        sleep(back_off).await;
        back_off = (back_off * 2).min(LONGEST_BACK_OFF);
    }
}

async fn start(sender: &Sender<LinkTable>) -> Result<Conversation, LinkError> {
    let conversation = Conversation::subscribe()?;
    publish(sender, conversation.list().await?);
    Ok(conversation)
}

fn publish(sender: &Sender<LinkTable>, table: LinkTable) {
    sender.send_if_modified(|current| {
        let differs = **current != *table;
        if differs {
            *current = Arc::clone(&table);
        }
        differs
    });
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::links::Link;

    fn table(name: &str) -> LinkTable {
        let link = Link {
            index: 1,
            name: name.to_owned(),
            mac: None,
            mtu: 1500,
            up: true,
            carrier: true,
            loopback: false,
            noarp: false,
            broadcast: true,
            master: None,
            addresses: Vec::new(),
        };
        BTreeMap::from([(1, link)]).into()
    }

    #[test]
    fn an_equal_table_is_not_published() {
        let (sender, receiver) = channel(table("eth0"));
        publish(&sender, table("eth0"));
        assert!(!receiver.has_changed().unwrap());
    }

    #[test]
    fn a_table_that_differs_is_published() {
        let (sender, receiver) = channel(table("eth0"));
        publish(&sender, table("eth1"));
        assert_eq!(*receiver.borrow(), table("eth1"));
        assert!(receiver.has_changed().unwrap());
    }
}
