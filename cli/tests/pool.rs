//! `ferrolb pool` as its users run it.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::process::Command;

use rstest::rstest;

/// Exit code and standard error.
fn drain(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ferrolb"))
        .args(["pool", "drain"])
        .args(arguments)
        .env("KUBECONFIG", "nowhere")
        .env_remove("KUBERNETES_SERVICE_HOST")
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[rstest]
#[case::no_pool(&[], "<NAME>")]
#[case::no_time(&["lan", "--timeout", "0"], "0 is not in 1..")]
#[case::not_a_time(&["lan", "--timeout", "soon"], "invalid digit")]
fn wrong_arguments_are_named(#[case] arguments: &[&str], #[case] message: &str) {
    let (code, error) = drain(arguments);
    assert_eq!(code, Some(2));
    assert!(error.contains(message), "{error}");
}

#[rstest]
#[case::in_earnest(&["lan"])]
#[case::in_thought(&["lan", "--dry-run"])]
fn a_cluster_that_cannot_be_reached_is_an_error(#[case] arguments: &[&str]) {
    let (code, error) = drain(arguments);
    assert_eq!(code, Some(1));
    assert!(
        error.starts_with("ferrolb pool drain: cannot use the kubeconfig: "),
        "{error}"
    );
}
