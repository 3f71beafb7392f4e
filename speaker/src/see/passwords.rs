//! The passwords of peers that are in Secrets. Read by name, only those that a peer names: the speaker may not list others.

use std::collections::BTreeSet;
use std::time::Duration;

use ferrolb_crds::domain::Secrecy;
use ferrolb_runtime::dirty::Dirty;
use ferrolb_runtime::newest::send_if_other;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::peers::Passwords;

/// MetalLB's rule: the type, and the key in it.
const TYPE: &str = "kubernetes.io/basic-auth";
const KEY: &str = "password";
/// How old a password may be; there is no watch that would need no right to list.
const AGE: Duration = Duration::from_secs(30);
const NO_ANSWER: Duration = Duration::from_secs(10);

/// Reads what it is asked to, and again.
pub(crate) struct PasswordReader {
    names: watch::Sender<BTreeSet<String>>,
    found: watch::Receiver<Passwords>,
}

impl PasswordReader {
    /// Starts to read Secrets of our namespace, in a task of its own that ends with the reader.
    pub(crate) fn start(client: Client, namespace: &str, dirty: Dirty) -> Self {
        let (names, wanted) = watch::channel(BTreeSet::new());
        let (found, passwords) = watch::channel(Passwords::new());
        let secrets = Api::namespaced(client, namespace);
        tokio::spawn(follow(secrets, wanted, found, dirty));
        Self {
            names,
            found: passwords,
        }
    }

    /// Wants these and no others from now on.
    pub(crate) fn want(&self, names: BTreeSet<String>) {
        send_if_other(&self.names, names);
    }

    /// What was found.
    pub(crate) fn found(&self) -> Passwords {
        self.found.borrow().clone()
    }
}

async fn follow(
    secrets: Api<Secret>,
    mut wanted: watch::Receiver<BTreeSet<String>>,
    found: watch::Sender<Passwords>,
    dirty: Dirty,
) {
    loop {
        let names = wanted.borrow_and_update().clone();
        let mut now = Passwords::new();
        for name in &names {
            let known = found.borrow().get(name).cloned();
            if let Some(password) = read(&secrets, name).await.or(known) {
                now.insert(name.clone(), password);
            }
        }
        if send_if_other(&found, now) {
            dirty.mark();
        }
        let rest = async {
            match names.is_empty() {
                true => std::future::pending().await,
                false => sleep(AGE).await,
            }
        };
        tokio::select! {
            changed = wanted.changed() => if changed.is_err() { return },
            () = rest => {}
        }
    }
}

/// None while the API server does not say.
async fn read(secrets: &Api<Secret>, name: &str) -> Option<Result<Secrecy, String>> {
    match timeout(NO_ANSWER, secrets.get_opt(name)).await {
        Ok(Ok(Some(secret))) => Some(password(&secret)),
        Ok(Ok(None)) => Some(Err("does not exist".to_owned())),
        Ok(Err(error)) => {
            tracing::warn!(secret = name, %error, "the password of a BGP peer cannot be read");
            None
        }
        Err(_elapsed) => None,
    }
}

fn password(secret: &Secret) -> Result<Secrecy, String> {
    let kind = secret.type_.as_deref().unwrap_or_default();
    if kind != TYPE {
        return Err(format!("is of type {kind}, not of type {TYPE}"));
    }
    let value = secret.data.as_ref().and_then(|data| data.get(KEY));
    let value = value.ok_or_else(|| format!("has no key {KEY}"))?;
    let text = std::str::from_utf8(&value.0).map_err(|_| format!("has a key {KEY} that is no text"))?;
    Secrecy::password(text).map_err(|why| format!("has a key {KEY} that {why}"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    #[rstest]
    #[case::as_it_should_be(json!({"type": TYPE, "data": {"password": "aHVudGVyMg=="}}), Ok("hunter2"))]
    #[case::of_another_type(json!({"type": "Opaque", "data": {"password": "eA=="}}), Err("is of type Opaque, not of type kubernetes.io/basic-auth"))]
    #[case::without_it(json!({"type": TYPE, "data": {"username": "eA=="}}), Err("has no key password"))]
    #[case::empty(json!({"type": TYPE, "data": {"password": ""}}), Err("has a key password that is empty"))]
    fn a_secret_is_read_by_metallbs_rule(#[case] secret: Value, #[case] expected: Result<&str, &str>) {
        let secret: Secret = serde_json::from_value(secret).unwrap();
        let expected = expected
            .map(|text| Secrecy(text.to_owned()))
            .map_err(str::to_owned);
        assert_eq!(password(&secret), expected);
    }
}
