//! Log lines as text or JSON on standard error; one level for every module.
//!
//! INFO is for transitions; what repeats is DEBUG. Libraries are capped, see `targets`.

use std::io::IsTerminal;

use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry};

use crate::args::{LogArgs, LogFormat, LogLevel};

/// Libraries that report each request or each frame at INFO and DEBUG.
const CHATTY: [&str; 8] = [
    "kube",
    "kube_client",
    "kube_core",
    "hyper",
    "hyper_util",
    "rustls",
    "tower",
    "rustls_platform_verifier",
];

/// Sends everything logged from now on to standard error, as `args` say.
///
/// # Errors
/// Logging was set up before.
pub fn init(args: &LogArgs) -> Result<(), TryInitError> {
    let colours = std::io::stderr().is_terminal();
    subscriber(args, colours, std::io::stderr).try_init()
}

fn subscriber<W>(args: &LogArgs, colours: bool, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match args.log_format {
        LogFormat::Text => fmt::layer().with_writer(writer).with_ansi(colours).boxed(),
        LogFormat::Json => json(writer),
    };
    tracing_subscriber::registry().with(lines.with_filter(targets(args.log_level)))
}

fn json<S, W>(writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(writer)
        .boxed()
}

/// The level of each module: `level` for all, libraries at WARN unless asked for more.
///
/// `kube_runtime` repeats a WARN for each retry of a failing watch; [`crate::reflect`] reports the same once.
fn targets(level: LogLevel) -> Targets {
    let ours = filter(level);
    if level == LogLevel::All {
        return Targets::new().with_default(ours);
    }
    let (library, watcher) = match level {
        LogLevel::Debug => (LevelFilter::DEBUG, LevelFilter::DEBUG),
        _ => (LevelFilter::WARN, LevelFilter::ERROR),
    };
    Targets::new()
        .with_default(ours)
        .with_targets(CHATTY.map(|name| (name, ours.min(library))))
        .with_target("kube_runtime", ours.min(watcher))
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::All => LevelFilter::TRACE,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::None => LevelFilter::OFF,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    use tracing::Level;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(log_format: LogFormat, log_level: LogLevel, work: impl FnOnce()) -> String {
        let page = Page::default();
        let lines = page.clone();
        let args = LogArgs {
            log_level,
            log_format,
        };
        tracing::subscriber::with_default(subscriber(&args, false, move || lines.clone()), work);
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_text_line_holds_level_message_and_fields() {
        let page = logged(LogFormat::Text, LogLevel::Info, || {
            tracing::info!(pool = "blue", "address assigned");
        });
        assert!(
            page.contains("INFO") && page.contains("address assigned") && page.contains("pool=\"blue\""),
            "{page}"
        );
    }

    #[test]
    fn a_json_line_is_one_flat_object() {
        let page = logged(LogFormat::Json, LogLevel::Info, || {
            tracing::info!(pool = "blue", "address assigned");
        });
        let line: serde_json::Value = serde_json::from_str(&page).unwrap();
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["message"], "address assigned");
        assert_eq!(line["pool"], "blue");
        assert!(line["timestamp"].is_string());
    }

    #[test]
    fn what_lies_below_the_level_is_left_out() {
        let page = logged(LogFormat::Text, LogLevel::Warn, || tracing::info!("a transition"));
        assert_eq!(page, "");
    }

    #[rstest]
    #[case(LogLevel::Info, "ferrolb_speaker", Level::INFO, true)]
    #[case(LogLevel::Info, "ferrolb_speaker", Level::DEBUG, false)]
    #[case(LogLevel::Info, "kube_client::client", Level::INFO, false)]
    #[case(LogLevel::Info, "kube_client::client", Level::WARN, true)]
    #[case(LogLevel::Info, "kube_runtime::watcher", Level::WARN, false)]
    #[case(LogLevel::Info, "kube_runtime::watcher", Level::ERROR, true)]
    #[case(LogLevel::Error, "hyper_util::client", Level::WARN, false)]
    #[case(LogLevel::Debug, "kube_runtime::watcher", Level::DEBUG, true)]
    #[case(LogLevel::Debug, "hyper_util::client", Level::DEBUG, true)]
    #[case(LogLevel::All, "hyper_util::client", Level::TRACE, true)]
    #[case(LogLevel::None, "ferrolb_speaker", Level::ERROR, false)]
    fn one_level_holds_for_all_and_libraries_are_capped(
        #[case] level: LogLevel,
        #[case] target: &str,
        #[case] line: Level,
        #[case] enabled: bool,
    ) {
        assert_eq!(targets(level).would_enable(target, &line), enabled);
    }
}
