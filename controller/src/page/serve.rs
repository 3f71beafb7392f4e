//! The page over HTTP: the document, its style and script, and what changes as server-sent events.

use std::fmt::Write as _;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::stream::{self, Stream};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::board::{Board, Missed};
use super::follow::Boards;
use super::{Page, document};

/// How long a stream lasts. A connection is cut after ten seconds, so that whoever opens many keeps no probe from its
/// answer; a browser asks again for what it lacks.
const STREAM: Duration = Duration::from_secs(8);
/// After how long it asks again, in milliseconds.
const AGAIN_MS: u32 = 200;
/// Nothing from elsewhere is loaded, and nobody frames the page.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(super) fn routes(page: Page) -> Router {
    let style = (include_str!("page.css"), "text/css; charset=utf-8");
    let script = (include_str!("page.js"), "text/javascript; charset=utf-8");
    let file = |(text, kind): (&'static str, &'static str)| get(async move || ([(CONTENT_TYPE, kind)], text));
    Router::new()
        .route("/", get(index))
        .route("/events", get(events))
        .with_state(page)
        .route("/page.css", file(style))
        .route("/page.js", file(script))
}

#[derive(Deserialize)]
struct Filter {
    #[serde(default)]
    q: String,
}

async fn index(State(page): State<Page>, Query(filter): Query<Filter>) -> Response {
    let Some(board) = boards(&page).await.and_then(|boards| boards.borrow().clone()) else {
        return not_yet();
    };
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, document::page(&board, &filter.q).into_string()).into_response()
}

#[derive(Deserialize)]
struct Since {
    since: u64,
}

/// From the version that the viewer saw last: a browser that asks again names it by itself.
async fn events(State(page): State<Page>, Query(since): Query<Since>, headers: HeaderMap) -> Response {
    let last = headers
        .get("last-event-id")
        .and_then(|last| last.to_str().ok()?.parse().ok());
    let seen = last.unwrap_or(since.since);
    let Some(boards) = boards(&page).await else {
        return not_yet();
    };
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(stream(boards, seen))).into_response()
}

async fn boards(page: &Page) -> Option<Boards> {
    page.audience.look(page.sources.get()?).await
}

fn not_yet() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "nothing is known yet\n").into_response()
}

/// The events of one connection.
struct Viewer {
    boards: Boards,
    seen: u64,
    until: Instant,
    /// The first thing that is sent opens the stream.
    opened: bool,
}

fn stream(boards: Boards, seen: u64) -> impl Stream<Item = Result<String, std::convert::Infallible>> {
    let viewer = Viewer {
        boards,
        seen,
        until: Instant::now() + STREAM,
        opened: false,
    };
    stream::unfold(viewer, async |mut viewer| {
        let text = viewer.next().await?;
        Some((Ok(text), viewer))
    })
}

impl Viewer {
    /// What is to be sent next; none at the end.
    async fn next(&mut self) -> Option<String> {
        let mut text = String::new();
        if !std::mem::replace(&mut self.opened, true) {
            let _infallible = write!(text, "retry: {AGAIN_MS}\n\n");
        }
        loop {
            let board = self.boards.borrow_and_update().clone()?;
            text += &self.missed(&board);
            if !text.is_empty() {
                return Some(text);
            }
            timeout_at(self.until, self.boards.changed()).await.ok()?.ok()?;
        }
    }

    fn missed(&mut self, board: &Board) -> String {
        let updates = match board.since(self.seen) {
            Missed::Everything => {
                self.seen = board.version();
                return "event: reload\ndata: \n\n".to_owned();
            }
            Missed::Updates(updates) => updates,
        };
        self.seen = board.version();
        updates
            .iter()
            .map(|(version, changes)| format!("id: {version}\ndata: {changes}\n\n"))
            .collect()
    }
}

#[cfg(test)]
mod tests;
