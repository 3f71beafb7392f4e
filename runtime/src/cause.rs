//! One line that names an error and what caused it.

use std::error::Error;

/// Joins an error and its sources with `: `, leaving out a source whose text is already there.
///
/// `kube` repeats its sources in its own text while `hyper` hides them; this reads well for both.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        source = cause.source();
    }
    line
}

/// The text of a Kubernetes client error: the API server's own sentence where there is one.
#[must_use]
pub fn of_request(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => chain(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("connection refused")]
    struct Refused;

    #[derive(Debug, thiserror::Error)]
    enum Outer {
        #[error("cannot connect")]
        Silent(#[source] Refused),
        #[error("cannot connect: {0}")]
        Repeating(#[source] Refused),
    }

    #[test]
    fn a_hidden_source_is_named() {
        assert_eq!(
            chain(&Outer::Silent(Refused)),
            "cannot connect: connection refused"
        );
    }

    #[test]
    fn a_source_already_in_the_text_is_not_repeated() {
        assert_eq!(
            chain(&Outer::Repeating(Refused)),
            "cannot connect: connection refused"
        );
    }

    #[test]
    fn the_api_server_speaks_for_itself() {
        let status = kube::core::Status::failure("pods is forbidden", "Forbidden").with_code(403);
        assert_eq!(of_request(&kube::Error::Api(status.boxed())), "pods is forbidden");
    }
}
