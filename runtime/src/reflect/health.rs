//! Whether a watch works, and what to say about it: once per transition, however often it fails.

use kube::runtime::watcher::Error;
use strum::AsRefStr;

use crate::cause;

/// What keeps a watch from working; in snake case the value of the metric label `cause`.
#[derive(AsRefStr, Clone, Copy, Debug, PartialEq, Eq)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Failure {
    /// 401: our credentials are not accepted.
    Unauthorized,
    /// 403: a role does not allow it.
    Forbidden,
    /// 404: the API server does not know the resource, e.g. the CRD is missing.
    NotServed,
    /// 410: the version to go on from is too old; a new list follows. Normal after a pause.
    Expired,
    /// 429: the API server asks for patience.
    Overloaded,
    /// Any other answer of the API server.
    Server,
    /// The API server's answer is not what the API promises.
    Garbled,
    /// No answer.
    Unreachable,
}

/// The state of one watch.
#[derive(Debug)]
pub(super) struct Health {
    resource: String,
    failing: Option<Failure>,
}

/// A change worth a line in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transition {
    /// It fails, and did not, or for another reason.
    Fails(Failure),
    /// It works again.
    Works,
}

impl Failure {
    pub(super) fn of(error: &Error) -> Self {
        match error {
            Error::InitialListFailed(error) | Error::WatchStartFailed(error) | Error::WatchFailed(error) => {
                Self::of_request(error)
            }
            Error::WatchError(status) => Self::of_code(status.code),
            Error::NoResourceVersion => Self::Garbled,
        }
    }

    fn of_request(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::of_code(status.code),
            kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => Self::Garbled,
            _ => Self::Unreachable,
        }
    }

    fn of_code(code: u16) -> Self {
        match code {
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::NotServed,
            410 => Self::Expired,
            429 => Self::Overloaded,
            _ => Self::Server,
        }
    }
}

impl Health {
    pub(super) fn new(resource: String) -> Self {
        Self {
            resource,
            failing: None,
        }
    }

    pub(super) fn resource(&self) -> &str {
        &self.resource
    }

    pub(super) fn is_failing(&self) -> bool {
        self.failing.is_some()
    }

    /// The watch fails. Returns what to say.
    pub(super) fn failed(&mut self, failure: Failure) -> Option<Transition> {
        let news = failure != Failure::Expired && self.failing != Some(failure);
        if news {
            self.failing = Some(failure);
        }
        news.then_some(Transition::Fails(failure))
    }

    /// The watch works. Says so if it did not.
    pub(super) fn works(&mut self) -> Option<Transition> {
        self.failing.take().map(|_| Transition::Works)
    }
}

impl Transition {
    /// Writes the line. `error` is the failure that caused it, if any.
    pub(super) fn log(self, resource: &str, error: Option<&Error>) {
        let error = error.map(explain).unwrap_or_default();
        match self {
            Self::Fails(Failure::NotServed) => {
                tracing::warn!(
                    resource,
                    error,
                    "the API server does not know the resource; is the CRD installed?"
                );
            }
            Self::Fails(failure) => {
                tracing::warn!(
                    resource,
                    cause = failure.as_ref(),
                    error,
                    "watch fails, trying again"
                );
            }
            Self::Works => tracing::info!(resource, "watch works again"),
        }
    }
}

pub(super) fn explain(error: &Error) -> String {
    match error {
        Error::InitialListFailed(error) | Error::WatchStartFailed(error) | Error::WatchFailed(error) => {
            cause::of_request(error)
        }
        Error::WatchError(status) => status.message.clone(),
        Error::NoResourceVersion => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;
    use rstest::rstest;

    fn refused(code: u16) -> kube::Error {
        kube::Error::Api(Status::failure("why", "").with_code(code).boxed())
    }

    #[rstest]
    #[case(401, Failure::Unauthorized)]
    #[case(403, Failure::Forbidden)]
    #[case(404, Failure::NotServed)]
    #[case(410, Failure::Expired)]
    #[case(429, Failure::Overloaded)]
    #[case(500, Failure::Server)]
    fn a_failure_is_classed_by_its_code_in_every_phase(#[case] code: u16, #[case] failure: Failure) {
        assert_eq!(Failure::of(&Error::InitialListFailed(refused(code))), failure);
        assert_eq!(Failure::of(&Error::WatchStartFailed(refused(code))), failure);
        let status = Status::failure("why", "").with_code(code);
        assert_eq!(Failure::of(&Error::WatchError(status.boxed())), failure);
    }

    #[test]
    fn a_broken_connection_is_no_answer() {
        let broken = kube::Error::Service("connection reset".into());
        assert_eq!(Failure::of(&Error::WatchFailed(broken)), Failure::Unreachable);
    }

    #[test]
    fn a_failure_is_told_once_until_its_cause_changes_or_it_ends() {
        let mut health = Health::new("services".into());
        let forbidden = Some(Transition::Fails(Failure::Forbidden));
        assert_eq!(health.failed(Failure::Forbidden), forbidden);
        assert_eq!(health.failed(Failure::Forbidden), None);
        assert_eq!(
            health.failed(Failure::NotServed),
            Some(Transition::Fails(Failure::NotServed))
        );
        assert_eq!(health.works(), Some(Transition::Works));
        assert_eq!(health.works(), None);
        assert_eq!(health.failed(Failure::Forbidden), forbidden);
    }

    #[test]
    fn an_expired_version_is_nothing_to_tell() {
        let mut health = Health::new("services".into());
        assert_eq!(health.failed(Failure::Expired), None);
        assert_eq!(health.works(), None);
    }
}
