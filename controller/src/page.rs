//! The status page: what is announced, where, since when, and what is wrong, for people with a browser.
//!
//! ```text
//! watches ──▶ rows (pure) ──▶ board: one element for each row, and what changed of late ──▶ viewers
//! ```
//! Every replica serves it, whether it leads or not: it shows what the objects say and decides nothing. It costs nothing
//! while nobody looks: what it needs beside the controller's own watches is watched from the first viewer until a minute
//! after the last. Each row is made once when it changes, however many look; a viewer is sent that row and no more.

mod bgp;
mod board;
mod document;
mod follow;
mod moves;
mod rows;
mod serve;

use std::sync::{Arc, OnceLock};

use axum::Router;

use follow::{Audience, Sources};

/// The page; cloneable, and all clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Page {
    sources: Arc<OnceLock<Sources>>,
    audience: Audience,
}

impl Page {
    /// What it is served by.
    pub(crate) fn routes(&self) -> Router {
        serve::routes(self.clone())
    }

    /// From now on there is something to show.
    pub(crate) fn show(&self, sources: Sources) {
        // Called once.
        let _shown = self.sources.set(sources);
    }
}

pub(crate) use follow::Sources as PageSources;
