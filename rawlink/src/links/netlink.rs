//! One rtnetlink conversation (rtnetlink(7)): events, and full tables on request.

use std::error::Error;
use std::io;
use std::time::Duration;

use futures::channel::mpsc::UnboundedReceiver;
use futures::{FutureExt, StreamExt, TryStreamExt};
use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::link::LinkExtentMask;
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::sys::SocketAddr;
use rtnetlink::{Handle, MulticastGroup, new_multicast_connection};
use tokio::task::JoinSet;

use super::LinkTable;
use super::table::table;

/// A full table takes milliseconds; a reply that was lost with an overrun would never come.
const DUMP_TIMEOUT: Duration = Duration::from_secs(5);

const GROUPS: [MulticastGroup; 3] = [
    MulticastGroup::Link,
    MulticastGroup::Ipv4Ifaddr,
    MulticastGroup::Ipv6Ifaddr,
];

/// The interfaces cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No socket for events.
    #[error("cannot subscribe to the events of the interfaces")]
    Subscribe(#[source] io::Error),
    /// The kernel refused to list them.
    #[error("cannot list the interfaces and their addresses")]
    List(#[source] Box<dyn Error + Send + Sync>),
    /// The kernel did not answer in time.
    #[error("the list of the interfaces did not come")]
    TimedOut,
}

pub(super) struct Conversation {
    handle: Handle,
    events: UnboundedReceiver<(NetlinkMessage<RouteNetlinkMessage>, SocketAddr)>,
    /// Carries the conversation; dropping it ends the task and closes the socket.
    _connection: JoinSet<()>,
}

impl Conversation {
    /// From here on no event is missed.
    pub(super) fn subscribe() -> Result<Self, LinkError> {
        let (connection, handle, events) = new_multicast_connection(&GROUPS).map_err(LinkError::Subscribe)?;
        let mut task = JoinSet::new();
        task.spawn(connection);
        Ok(Self {
            handle,
            events,
            _connection: task,
        })
    }

    /// The interfaces as they are now. A change while they are listed may be in it or not; its event comes.
    pub(super) async fn list(&self) -> Result<LinkTable, LinkError> {
        tokio::time::timeout(DUMP_TIMEOUT, self.dump())
            .await
            .map_err(|_| LinkError::TimedOut)?
            .map_err(|error| LinkError::List(Box::new(error)))
    }

    async fn dump(&self) -> Result<LinkTable, rtnetlink::Error> {
        let links: Vec<_> = self
            .handle
            .link()
            .get()
            .set_filter_mask(AddressFamily::Unspec, vec![LinkExtentMask::SkipStats])
            .execute()
            .try_collect()
            .await?;
        let addresses: Vec<_> = self.handle.address().get().execute().try_collect().await?;
        Ok(table(&links, &addresses))
    }

    /// Waits for an event and takes all that are already there with it. False if some were lost or the socket is closed:
    /// then nothing can be trusted but a new conversation.
    pub(super) async fn changed(&mut self) -> bool {
        let mut event = self.events.next().await;
        while event.is_some_and(|(message, _)| !matches!(message.payload, NetlinkPayload::Overrun(_))) {
            match self.events.next().now_or_never() {
                Some(next) => event = next,
                None => return true,
            }
        }
        false
    }
}
