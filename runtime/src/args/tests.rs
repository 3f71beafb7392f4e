use clap::{CommandFactory, Parser};
use rstest::rstest;

use super::*;

#[derive(Parser)]
struct Daemon {
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    serve: ServeArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
}

fn parse(words: &[&str]) -> Daemon {
    Daemon::try_parse_from([&["daemon"], words].concat()).unwrap()
}

#[test]
fn every_flag_has_help_and_an_environment_variable() {
    for flag in Daemon::command()
        .get_arguments()
        .filter(|arg| arg.get_id() != "help")
    {
        assert!(flag.get_help().is_some(), "{} has no help", flag.get_id());
        assert!(
            flag.get_env().is_some(),
            "{} has no environment variable",
            flag.get_id()
        );
    }
}

#[rstest]
#[case("all", LogLevel::All)]
#[case("debug", LogLevel::Debug)]
#[case("info", LogLevel::Info)]
#[case("warn", LogLevel::Warn)]
#[case("error", LogLevel::Error)]
#[case("none", LogLevel::None)]
fn the_log_levels_are_those_of_metallb(#[case] word: &str, #[case] level: LogLevel) {
    assert_eq!(parse(&["--log-level", word]).log.log_level, level);
}

#[test]
fn the_defaults_are_those_of_the_manual() {
    let daemon = parse(&[]);
    assert_eq!(daemon.log.log_level, LogLevel::Info);
    assert_eq!(daemon.log.log_format, LogFormat::Text);
    assert_eq!(
        (daemon.serve.listen.to_string(), daemon.serve.port),
        ("::".to_owned(), 9120)
    );
}

#[rstest]
#[case("--port=7472")]
#[case("--metrics-port=7472")]
fn the_port_has_two_names(#[case] flag: &str) {
    assert_eq!(parse(&[flag]).serve.port, 7472);
}

#[test]
fn a_kubeconfig_and_a_namespace_can_be_named() {
    let daemon = parse(&["--kubeconfig=/etc/lb.conf", "--namespace=lb"]);
    assert_eq!(daemon.cluster.kubeconfig, Some(PathBuf::from("/etc/lb.conf")));
    assert_eq!(daemon.cluster.own_namespace(), "lb");
}

fn service_account(content: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    file
}

#[rstest]
#[case(Some("asked"), "pods-own\n", "asked")]
#[case(None, "pods-own\n", "pods-own")]
#[case(Some(""), "pods-own", "pods-own")]
#[case(None, "", "metallb-system")]
fn the_namespace_is_the_asked_one_then_the_pods_own(
    #[case] asked: Option<&str>,
    #[case] told: &str,
    #[case] expected: &str,
) {
    assert_eq!(own_namespace(asked, service_account(told).path()), expected);
}

#[test]
fn outside_a_pod_the_namespace_is_metallbs() {
    assert_eq!(
        own_namespace(None, Path::new("/nowhere/namespace")),
        "metallb-system"
    );
}
