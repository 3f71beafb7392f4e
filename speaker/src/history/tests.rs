use http::Request;
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::may::fixture::{cluster, service};
use crate::may::may;

fn address() -> IpAddr {
    [192, 0, 2, 1].into()
}

/// A history of `n2`, in a cluster whose Service `web` has the address.
fn of_web() -> History {
    let mut view = cluster(&["n1", "n2"]);
    service(&mut view, "web", &["192.0.2.1"]);
    let history = History::of("n2".into());
    history.know(&may(&view));
    history
}

fn took() -> Happened {
    Happened {
        interface: Some("eth0".into()),
        other: Some("n1".into()),
        took: Some(Duration::from_millis(640)),
        ..Happened::new(What::Took, Cause::SpeakerDown).of(address())
    }
}

#[test]
fn a_move_names_the_service_both_nodes_the_cause_and_how_long_it_took() {
    let history = of_web();
    history.add(took());
    let [line] = &history.lines()[..] else {
        panic!("one move, one line")
    };
    let expected = Line {
        at_unix_ms: line.at_unix_ms,
        what: "took".to_owned(),
        services: vec!["shop/web".to_owned()],
        address: Some(address()),
        interface: Some("eth0".to_owned()),
        from: Some("n1".to_owned()),
        to: Some("n2".to_owned()),
        took_ms: Some(640),
        cause: "SpeakerDown".to_owned(),
    };
    assert_eq!(line, &expected);
    assert!(line.at_unix_ms > 0);
}

#[test]
fn what_is_given_up_with_its_service_is_still_named_after_it() {
    let history = of_web();
    history.add(took());
    history.know(&Arc::default());
    history.add(Happened::new(What::GaveUp, Cause::NotEligible).of(address()));
    let last = history.lines().pop().unwrap();
    assert_eq!(last.services, ["shop/web"]);
    assert_eq!((last.from.as_deref(), last.to), (Some("n2"), None));
}

#[test]
fn the_last_move_of_a_service_is_what_is_told_of_it() {
    let history = of_web();
    history.add(took());
    history.add(Happened {
        took: None,
        ..Happened::new(What::Took, Cause::Rebalanced).of(address())
    });
    history.add(Happened::new(What::Detected, Cause::ForeignClaim).of(address()));
    let expected = Move {
        cause: "Rebalanced",
        took_ms: None,
    };
    assert_eq!(
        history.moves_here(),
        BTreeMap::from([("shop/web".to_owned(), expected)])
    );
}

#[tokio::test]
async fn it_is_served_as_json_that_reads_back_as_the_same() {
    let history = of_web();
    history.add(took());
    let request = Request::get(PATH).body(axum::body::Body::empty()).unwrap();
    let answer = history.routes().oneshot(request).await.unwrap();
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX)
        .await
        .unwrap();
    let told: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(told[0]["cause"], "SpeakerDown");
    let read: Vec<Line> = serde_json::from_value(told).unwrap();
    assert_eq!(read, history.lines());
}
