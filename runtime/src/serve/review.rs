//! Whom the API server lets read the metrics: TokenReview says whose a token is, SubjectAccessReview what the account may.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

mod answers;
use answers::Answers;

/// How long a review may take. Longer, and the scrape has ended.
const LONGEST: Duration = Duration::from_secs(5);
/// How many reviews are asked for at once, whoever sends tokens.
const AT_ONCE: usize = 2;
/// The longest token that is asked about, in bytes; those of service accounts have about a thousand.
const TOKEN_AT_MOST: usize = 16 * 1024;

/// What the API server says of a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Answer {
    /// Its account may read the metrics.
    Allowed,
    /// It is known, but its account may not.
    Forbidden,
    /// It is nobody's.
    Unknown,
}

/// Asks the API server, and remembers the answers for a while.
pub(super) struct Reviews {
    client: Client,
    answers: Mutex<Answers>,
    turns: Semaphore,
}

/// The API server gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReviewError {
    #[error("the API server does not answer")]
    Late(#[from] tokio::time::error::Elapsed),
    #[error("the API server refuses to review the token")]
    Refused(#[from] kube::Error),
}

impl Reviews {
    pub(super) fn by(client: Client) -> Self {
        Self {
            client,
            answers: Mutex::default(),
            turns: Semaphore::new(AT_ONCE),
        }
    }

    async fn of(&self, token: &str) -> Result<Answer, ReviewError> {
        let key = Sha256::digest(token).into();
        if let Some(answer) = self.remembered(&key) {
            return Ok(answer);
        }
        let _turn = self.turns.acquire().await;
        // Somebody with the same token may have asked meanwhile.
        if let Some(answer) = self.remembered(&key) {
            return Ok(answer);
        }
        let answer = timeout(LONGEST, self.ask(token)).await??;
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.add(key, answer, Instant::now());
        Ok(answer)
    }

    fn remembered(&self, key: &answers::Key) -> Option<Answer> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.get(key, Instant::now())
    }

    async fn ask(&self, token: &str) -> Result<Answer, kube::Error> {
        let review = TokenReview {
            spec: TokenReviewSpec {
                token: Some(token.to_owned()),
                ..TokenReviewSpec::default()
            },
            ..TokenReview::default()
        };
        let post = PostParams::default();
        let reviewed = Api::all(self.client.clone()).create(&post, &review).await?;
        let status = reviewed.status.unwrap_or_default();
        let Some(user) = status.user.filter(|_| status.authenticated == Some(true)) else {
            return Ok(Answer::Unknown);
        };
        let review = SubjectAccessReview {
            spec: may_read(user),
            ..SubjectAccessReview::default()
        };
        let reviewed = Api::all(self.client.clone()).create(&post, &review).await?;
        let allowed = reviewed.status.is_some_and(|status| status.allowed);
        Ok(if allowed {
            Answer::Allowed
        } else {
            Answer::Forbidden
        })
    }
}

/// The question that MetalLB asks as well.
fn may_read(user: UserInfo) -> SubjectAccessReviewSpec {
    SubjectAccessReviewSpec {
        user: user.username,
        uid: user.uid,
        groups: user.groups,
        extra: user.extra,
        non_resource_attributes: Some(NonResourceAttributes {
            path: Some("/metrics".to_owned()),
            verb: Some("get".to_owned()),
        }),
        ..SubjectAccessReviewSpec::default()
    }
}

/// Lets a request pass whose token is that of an account which may read the metrics.
pub(super) async fn permitted(State(reviews): State<Arc<Reviews>>, request: Request, next: Next) -> Response {
    let Some(token) = bearer(request.headers()) else {
        return unauthorized("a bearer token is needed\n");
    };
    match reviews.of(token).await {
        Ok(Answer::Allowed) => next.run(request).await,
        Ok(Answer::Forbidden) => {
            let said = "the account of the token may not get the nonResourceURL /metrics\n";
            (StatusCode::FORBIDDEN, said).into_response()
        }
        Ok(Answer::Unknown) => unauthorized("the token is not valid\n"),
        Err(error) => {
            let error = crate::cause::chain(&error);
            tracing::debug!(%error, "nobody may read the metrics");
            (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response()
        }
    }
}

fn unauthorized(said: &'static str) -> Response {
    (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")], said).into_response()
}

/// The token of the request (RFC 6750, 2.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    let usable = scheme.eq_ignore_ascii_case("bearer") && (1..=TOKEN_AT_MOST).contains(&token.len());
    usable.then_some(token)
}

#[cfg(test)]
mod tests;
