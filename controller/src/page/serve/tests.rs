use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use tokio::sync::watch;

use super::super::board::{Elements, Place, Section};
use super::*;

fn elements(html: &str) -> Elements {
    let place = Place {
        section: Section::Pools,
        key: "lan".into(),
    };
    BTreeMap::from([(place, html.into())])
}

fn shown(version: u64) -> (watch::Sender<Option<Arc<Board>>>, Boards) {
    watch::channel(Some(Arc::new(Board::new(version, elements("one")))))
}

#[tokio::test(start_paused = true)]
async fn a_viewer_hears_of_a_change_and_the_stream_ends_before_it_would_be_cut() {
    let (sender, boards) = shown(7);
    let mut events = std::pin::pin!(stream(boards, 7));
    assert_eq!(events.next().await.unwrap().unwrap(), "retry: 200\n\n");
    let next = sender.borrow().as_ref().unwrap().with(elements("two")).unwrap();
    sender.send_replace(Some(Arc::new(next)));
    let changes = r#"[{"section":"pools","key":"lan","html":"two"}]"#;
    let event = format!("id: 8\ndata: {changes}\n\n");
    assert_eq!(events.next().await.unwrap().unwrap(), event);
    let began = Instant::now();
    assert!(events.next().await.is_none());
    assert!(began.elapsed() <= STREAM);
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_saw_an_older_version_gets_what_it_lacks_at_once() {
    let (sender, boards) = shown(7);
    let next = sender.borrow().as_ref().unwrap().with(elements("two")).unwrap();
    sender.send_replace(Some(Arc::new(next)));
    let mut events = std::pin::pin!(stream(boards, 7));
    let first = events.next().await.unwrap().unwrap();
    assert!(first.starts_with("retry: 200\n\nid: 8\n"), "{first}");
}

#[tokio::test(start_paused = true)]
async fn a_viewer_of_another_process_is_told_once_to_load_the_page_again() {
    let (_sender, boards) = shown(7);
    let mut events = std::pin::pin!(stream(boards, 3));
    let first = events.next().await.unwrap().unwrap();
    assert!(first.contains("event: reload\n"), "{first}");
    assert!(events.next().await.is_none());
}

#[test]
fn the_script_puts_rows_where_the_document_has_them() {
    let board = Board::new(7, elements("<tr data-key=\"lan\"></tr>"));
    let page = document::page(&board, "").into_string();
    for expected in [
        "<tbody id=\"pools\"><tr data-key=\"lan\">",
        "data-version=\"7\"",
        "src=\"page.js\"",
    ] {
        assert!(page.contains(expected), "{expected} in {page}");
    }
    let hidden = document::page(&board, "LAN2").into_string();
    assert!(
        hidden.contains("<tr class=\"other\" data-key=\"lan\">"),
        "{hidden}"
    );
}
